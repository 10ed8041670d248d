/** One publisher, any number of readers that each see everything published after they came. */
import { TallyError } from '../errors.ts'

/** How far a reader may lag behind before it is cut off, so that a dead client costs bounded memory. */
const backlogLimit = 16_384

interface Reader<T> {
  readonly backlog: T[]
  overrun: boolean
  wake: () => void
}

export class Broadcast<T> {
  readonly #readers = new Set<Reader<T>>()

  publish(item: T): void {
    for (const reader of this.#readers) {
      reader.overrun = reader.backlog.push(item) > backlogLimit
      if (reader.overrun) this.#readers.delete(reader)
      reader.wake()
    }
  }

  /** Reads from this call on until `signal` aborts. @throws TallyError unavailable for a reader that lags too far behind. */
  subscribe(signal: AbortSignal): AsyncIterable<T> {
    const reader: Reader<T> = { backlog: [], overrun: false, wake: () => {} }
    const stop = (): void => {
      this.#readers.delete(reader)
      reader.wake()
    }
    if (!signal.aborted) this.#readers.add(reader)
    signal.addEventListener('abort', stop, { once: true })
    return read(reader, signal, stop)
  }
}

async function* read<T>(reader: Reader<T>, signal: AbortSignal, stop: () => void): AsyncGenerator<T> {
  try {
    while (!signal.aborted) {
      if (reader.overrun) throw new TallyError('unavailable', 'the reader of events is too slow')
      const items = reader.backlog.splice(0)
      if (items.length === 0) await new Promise<void>((resolve) => (reader.wake = resolve))
      yield* items
    }
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}
