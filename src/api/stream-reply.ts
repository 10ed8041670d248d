/** Answers whose body grows over time: the headers leave at once, because clients wait for them before they go on. */
import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'

export interface StreamReply {
  readonly raw: ServerResponse
  /** Aborts when the client goes away or the answer is complete. */
  readonly signal: AbortSignal
}

/** Takes the reply over from Fastify and sends its head. Nothing that fails later can change the status any more. */
export function openStream(reply: FastifyReply, contentType?: string): StreamReply {
  const controller = new AbortController()
  const { raw } = reply.hijack()
  raw.once('close', () => controller.abort())
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) raw.setHeader(name, value)
  if (contentType !== undefined) raw.setHeader('content-type', contentType)
  raw.writeHead(200)
  raw.flushHeaders()
  return { raw, signal: controller.signal }
}
