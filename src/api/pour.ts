/** Sends a body that grows over time, no faster than the client takes it. */
import { pipeline } from 'node:stream/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { StreamReply } from './stream-reply.ts'

/** Ends the answer after the last chunk. The status has left already, so a failure is logged and cuts the connection. */
export async function pour(
  chunks: AsyncIterable<string | Uint8Array>,
  { raw, signal }: StreamReply,
  log: FastifyBaseLogger,
): Promise<void> {
  try {
    await pipeline(chunks, raw)
  } catch (err) {
    if (!signal.aborted) log.error({ err }, 'streaming an answer failed')
    raw.destroy()
  }
}
