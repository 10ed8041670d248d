/** Bytes pulled in exact numbers, out of a stream of chunks or a file. */
import type { FileHandle } from 'node:fs/promises'

export interface ByteSource {
  /** Bytes handed out or skipped so far. */
  readonly position: number
  /** @returns at least one and at most `length` bytes; nothing at the end. */
  atMost(length: number): Promise<Buffer>
  /** @returns `length` bytes, or fewer if it ends before. */
  exactly(length: number): Promise<Buffer>
  /** @returns how many bytes there were to skip, at most `length`. */
  skip(length: number): Promise<number>
  /** Reads to the end, so that whoever listens further up a stream has seen every byte. */
  drain(): Promise<void>
}

/** Nothing is copied but what lies across two chunks. */
export class StreamBytes implements ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>
  #current: Buffer = Buffer.alloc(0)
  position = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  async atMost(length: number): Promise<Buffer> {
    if (this.#current.length === 0) await this.#next()
    return this.#take(Math.min(length, this.#current.length))
  }

  async exactly(length: number): Promise<Buffer> {
    const first = await this.atMost(length)
    if (first.length === length || first.length === 0) return first
    const parts = [first]
    for (let missing = length - first.length; missing > 0; ) {
      const part = await this.atMost(missing)
      if (part.length === 0) break
      parts.push(part)
      missing -= part.length
    }
    return Buffer.concat(parts)
  }

  async skip(length: number): Promise<number> {
    let left = length
    while (left > 0) {
      const { length: skipped } = await this.atMost(left)
      if (skipped === 0) break
      left -= skipped
    }
    return length - left
  }

  async drain(): Promise<void> {
    while ((await this.atMost(Number.MAX_SAFE_INTEGER)).length > 0);
  }

  async #next(): Promise<void> {
    while (this.#current.length === 0) {
      const { done, value } = await this.#chunks.next()
      if (done === true) return
      this.#current = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    }
  }

  #take(length: number): Buffer {
    const taken = this.#current.subarray(0, length)
    this.#current = this.#current.subarray(length)
    this.position += length
    return taken
  }
}

/** A file whose data need not be read to be skipped. */
export class FileBytes implements ByteSource {
  readonly #file: FileHandle
  readonly #size: number
  position = 0

  constructor(file: FileHandle, size: number) {
    this.#file = file
    this.#size = size
  }

  async atMost(length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(Math.min(length, this.#size - this.position))
    const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.position)
    this.position += bytesRead
    return buffer.subarray(0, bytesRead)
  }

  /** A file of our own is never read short. */
  exactly(length: number): Promise<Buffer> {
    return this.atMost(length)
  }

  async skip(length: number): Promise<number> {
    const skipped = Math.min(length, this.#size - this.position)
    this.position += skipped
    return skipped
  }

  async drain(): Promise<void> {
    this.position = this.#size
  }
}
