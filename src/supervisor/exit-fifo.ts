/** The supervisor's end of a shim's `exit` fifo: lines that say how far the shim is, and its hang-up when the shim is gone. */
import { closeSync, readSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { failedWith } from '../kernel/addon.ts'
import { fifoReader, openFifo } from '../kernel/fifo.ts'

export interface ExitFifoListener {
  line(line: string): void
  /** Once; nothing comes after it. */
  hangUp(): void
}

export class ExitFifo implements Disposable {
  readonly #fd: number
  readonly #listener: ExitFifoListener
  #reader: Readable | undefined
  #rest = ''
  #closed = false

  /** To be opened before the shim is spawned: a pipe whose writer came and went before it was opened tells nothing. */
  constructor(path: string, listener: ExitFifoListener) {
    this.#fd = openFifo(path, 'read')
    this.#listener = listener
  }

  /** Reads what is there without waiting. @returns whether a shim holds the other end. */
  probe(): boolean {
    const buffer = Buffer.alloc(4096)
    try {
      for (;;) {
        const length = readSync(this.#fd, buffer)
        if (length === 0) return false
        this.#take(buffer.toString('utf8', 0, length))
      }
    } catch (error) {
      if (failedWith(error, 'EAGAIN')) return true
      throw error
    }
  }

  /** Follows from now on, by the event loop's epoll: a thousand waiting tasks hold no thread. */
  follow(): void {
    this.#reader = fifoReader(this.#fd)
    this.#reader.setEncoding('utf8')
    this.#reader.on('data', (text: string) => this.#take(text))
    this.#reader.once('error', () => this.hangUp())
    this.#reader.once('end', () => this.hangUp())
  }

  /** For who learned otherwise that no shim will come. */
  hangUp(): void {
    if (this.#closed) return
    this[Symbol.dispose]()
    this.#listener.hangUp()
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#reader === undefined) closeSync(this.#fd)
    else this.#reader.destroy()
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#listener.line(line)
  }
}
