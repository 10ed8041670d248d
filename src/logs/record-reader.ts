/** Reads one log file forwards in bounded memory and cuts it into records. */
import type { FileHandle } from 'node:fs/promises'
import { type LogEntry, parseRecord } from './record.ts'

/** Above the longest record a shim writes: 16 KiB of log, six bytes each when escaped, and its frame. A longer line is damage. */
const chunkSize = 128 * 1024
const anchorSize = 64
const newline = 10

export type OnBroken = (line: string) => void

export class RecordReader {
  readonly #handle: FileHandle
  readonly #onBroken: OnBroken
  readonly #chunk = Buffer.allocUnsafe(chunkSize + anchorSize)
  /** Where a line begins: an unfinished one is read again once it is whole, as its writer may take it back. */
  #offset: number
  /** The bytes before `offset`, which hold a time: if they are others now, the file was truncated and written anew. */
  #anchor = Buffer.alloc(0)
  /** Within a line that is too long: go to its end. */
  #skipping = false

  constructor(handle: FileHandle, offset: number, onBroken: OnBroken) {
    this.#handle = handle
    this.#offset = offset
    this.#onBroken = onBroken
  }

  /**
   * The entries of the next chunk, possibly none; undefined if no further line is whole (call again once more was written). A file that
   * was truncated is read from its beginning.
   * @param end reads no byte at or after this offset.
   */
  async next(end = Number.POSITIVE_INFINITY): Promise<readonly LogEntry[] | undefined> {
    const anchored = this.#anchor.length
    const length = anchored + Math.max(0, Math.min(chunkSize, end - this.#offset))
    const { bytesRead } = await this.#handle.read(this.#chunk, 0, length, this.#offset - anchored)
    if (!this.#chunk.subarray(0, Math.min(anchored, bytesRead)).equals(this.#anchor)) return this.#rewind()
    return this.#take(this.#chunk.subarray(anchored, bytesRead))
  }

  #rewind(): readonly LogEntry[] {
    this.#offset = 0
    this.#anchor = Buffer.alloc(0)
    this.#skipping = false
    return []
  }

  #take(chunk: Buffer): readonly LogEntry[] | undefined {
    const whole = chunk.subarray(0, chunk.lastIndexOf(newline) + 1)
    if (whole.length > 0) return this.#parse(whole)
    if (chunk.length < chunkSize) return undefined
    if (!this.#skipping) this.#onBroken(excerpt(chunk.toString('utf8', 0, 1000)))
    this.#skipping = true
    this.#advance(chunk)
    return []
  }

  #parse(whole: Buffer): readonly LogEntry[] {
    const lines = this.#skipping ? whole.subarray(whole.indexOf(newline) + 1) : whole
    const entries: LogEntry[] = []
    for (const line of lines.toString().split('\n')) {
      if (line === '') continue
      const { entry, broken } = parseRecord(line)
      if (broken) this.#onBroken(excerpt(line))
      if (entry) entries.push(entry)
    }
    this.#skipping = false
    this.#advance(whole)
    return entries
  }

  #advance(bytes: Buffer): void {
    this.#offset += bytes.length
    this.#anchor = Buffer.from(bytes.subarray(-anchorSize))
  }
}

const excerpt = (line: string): string => line.slice(0, 200)
