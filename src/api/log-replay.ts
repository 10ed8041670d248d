/** Writes what a container's log holds to those who attach late. */
import type { Writable } from 'node:stream'
import { readLog } from '../logs/json-file.ts'
import type { OnBroken } from '../logs/record-reader.ts'

export interface LogReplay {
  readonly path: string
  /** Nanoseconds since 1970: what is newer comes live. */
  readonly until: bigint
  readonly stdout?: Writable
  readonly stderr?: Writable
  readonly onBroken: OnBroken
  readonly signal: AbortSignal
}

/** In the log's order, no faster than the client takes it. */
export async function replayLog({ path, stdout, stderr, ...options }: LogReplay): Promise<void> {
  const outputs = { stdout, stderr }
  const wanted = { stdout: stdout !== undefined, stderr: stderr !== undefined }
  for await (const entries of readLog(path, { ...options, ...wanted })) {
    for (const { stream, log } of entries) await write(outputs[stream], log)
  }
}

const write = (output: Writable | undefined, log: string): Promise<void> =>
  new Promise((resolve, reject) => {
    if (output === undefined) return resolve()
    output.write(log, (error) => (error ? reject(error) : resolve()))
  })
