/** Reads one log file forwards in bounded memory and cuts it into records. */
import type { FileHandle } from 'node:fs/promises'
import { type LogEntry, parseRecord } from './record.ts'

const chunkSize = 64 * 1024
/** The longest record a shim writes is 16 KiB of log, six bytes each when escaped, and its frame: anything above is damage. */
const recordLimit = 256 * 1024
const newline = 10

export type OnBroken = (line: string) => void

export class RecordReader {
  readonly #handle: FileHandle
  readonly #onBroken: OnBroken
  readonly #chunk = Buffer.allocUnsafe(chunkSize)
  #offset: number
  /** The beginning of a line whose end is not read yet. */
  #pending: Buffer = Buffer.alloc(0)
  /** Within a line that is over the limit: skip to its end. */
  #skipping = false

  constructor(handle: FileHandle, offset: number, onBroken: OnBroken) {
    this.#handle = handle
    this.#offset = offset
    this.#onBroken = onBroken
  }

  /**
   * The entries of the next chunk, possibly none; undefined at the end of what is there (call again once more was written). A file that
   * was truncated is read from its beginning.
   * @param end reads no byte at or after this offset.
   */
  async next(end = Number.POSITIVE_INFINITY): Promise<readonly LogEntry[] | undefined> {
    const length = Math.min(chunkSize, end - this.#offset)
    if (length <= 0) return undefined
    const { bytesRead } = await this.#handle.read(this.#chunk, 0, length, this.#offset)
    if (bytesRead === 0) return (await this.#rewindIfTruncated()) ? [] : undefined
    this.#offset += bytesRead
    return this.#cut(this.#chunk.subarray(0, bytesRead))
  }

  async #rewindIfTruncated(): Promise<boolean> {
    const { size } = await this.#handle.stat()
    if (size >= this.#offset) return false
    this.#offset = 0
    this.#pending = Buffer.alloc(0)
    this.#skipping = false
    return true
  }

  #cut(chunk: Buffer): readonly LogEntry[] {
    const end = chunk.lastIndexOf(newline) + 1
    const lines = end > 0 ? this.#takeLines(chunk.subarray(0, end)) : ''
    this.#keep(chunk.subarray(end))
    return this.#parse(lines)
  }

  /** The text of whole lines: what was pending and what came now. */
  #takeLines(whole: Buffer): string {
    const rest = this.#skipping ? whole.subarray(whole.indexOf(newline) + 1) : whole
    const text = Buffer.concat([this.#pending, rest]).toString()
    this.#pending = Buffer.alloc(0)
    this.#skipping = false
    return text
  }

  #keep(part: Buffer): void {
    if (this.#skipping) return
    this.#pending = Buffer.concat([this.#pending, part])
    if (this.#pending.length <= recordLimit) return
    this.#onBroken(this.#pending.subarray(0, 200).toString())
    this.#pending = Buffer.alloc(0)
    this.#skipping = true
  }

  #parse(lines: string): readonly LogEntry[] {
    const entries: LogEntry[] = []
    for (const line of lines.split('\n')) {
      if (line === '') continue
      const { entry, broken } = parseRecord(line)
      if (broken) this.#onBroken(line.slice(0, 200))
      if (entry) entries.push(entry)
    }
    return entries
  }
}
