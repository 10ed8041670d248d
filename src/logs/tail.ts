/** Finds where the last records of a log file begin, reading backwards from its end only as far as needed. */
import type { FileHandle } from 'node:fs/promises'

const chunkSize = 64 * 1024
const newline = 10

export interface TailStart {
  readonly offset: number
  /** How many whole records there are from `offset` on; fewer than asked for only if `offset` is 0. */
  readonly records: number
}

/** An unfinished last line is no record: with `count` 0 the answer is where that line begins. */
export async function startOfLast(handle: FileHandle, size: number, count: number): Promise<TailStart> {
  const buffer = Buffer.allocUnsafe(Math.min(chunkSize, size))
  let newlines = 0
  for (let end = size; end > 0; end -= chunkSize) {
    const begin = Math.max(0, end - chunkSize)
    const { bytesRead } = await handle.read(buffer, 0, end - begin, begin)
    const chunk = buffer.subarray(0, bytesRead)
    for (let at = lastNewline(chunk, bytesRead); at >= 0; at = lastNewline(chunk, at)) {
      newlines++
      if (newlines > count) return { offset: begin + at + 1, records: count }
    }
  }
  return { offset: 0, records: newlines }
}

/** The last newline before `end`, or -1. */
const lastNewline = (chunk: Buffer, end: number): number => chunk.subarray(0, end).lastIndexOf(newline)
