/** Pulls exact numbers of bytes out of a stream of chunks. Nothing is copied but what lies across two chunks. */

export class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>
  #current: Buffer = Buffer.alloc(0)
  /** Bytes handed out so far. */
  position = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** @returns at least one and at most `length` bytes; nothing at the end. */
  async atMost(length: number): Promise<Buffer> {
    if (this.#current.length === 0) await this.#next()
    return this.#take(Math.min(length, this.#current.length))
  }

  /** @returns `length` bytes, or fewer if the stream ends before. */
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

  /** @returns how many bytes there were to skip, at most `length`. */
  async skip(length: number): Promise<number> {
    let left = length
    while (left > 0) {
      const { length: skipped } = await this.atMost(left)
      if (skipped === 0) break
      left -= skipped
    }
    return length - left
  }

  /** Reads to the end, so that whoever listens further up has seen every byte. */
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
