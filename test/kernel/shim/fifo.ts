/** The other ends of a shim's fifos, opened without waiting. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants

export class FifoReader implements Disposable {
  readonly #descriptor: number
  #text = ''
  ended = false

  constructor(path: string) {
    this.#descriptor = openSync(path, O_RDONLY | O_NONBLOCK)
  }

  /** All that came so far. `ended` is true if nobody has the fifo open for writing. */
  read(): string {
    const chunk = Buffer.alloc(65536)
    for (;;) {
      const length = this.#readOnce(chunk)
      this.ended = length === 0
      if (length === undefined || length === 0) return this.#text
      this.#text += chunk.toString('latin1', 0, length)
    }
  }

  #readOnce(chunk: Buffer): number | undefined {
    try {
      return readSync(this.#descriptor, chunk)
    } catch (error) {
      if (isFull(error)) return undefined
      throw error
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor)
  }
}

export class FifoWriter implements Disposable {
  readonly #descriptor: number

  /** @param mode `readWrite`: stays open whoever else comes and goes. */
  constructor(path: string, mode: 'write' | 'readWrite') {
    this.#descriptor = openSync(path, (mode === 'write' ? O_WRONLY : O_RDWR) | O_NONBLOCK)
  }

  write(text: string): void {
    writeSync(this.#descriptor, text)
  }

  /** Writes what is taken without waiting. @returns how much that was. */
  offer(bytes: Buffer): number {
    try {
      return writeSync(this.#descriptor, bytes)
    } catch (error) {
      if (isFull(error)) return 0
      throw error
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor)
  }
}

const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EAGAIN'
