/** Timers that fire when told to. */
import type { Timers } from '../../src/timers.ts'

interface Waiting {
  readonly delay: number
  readonly wake: () => void
}

/** Milliseconds that the engine waits between attempts: only deadlines are further away. */
const longestRetry = 10_000

export class ManualTimers implements Timers {
  readonly #waiting = new Set<Waiting>()

  readonly after = (delay: number, wake: () => void): (() => void) => {
    const waiting = { delay, wake }
    this.#waiting.add(waiting)
    return () => void this.#waiting.delete(waiting)
  }

  get hasAny(): boolean {
    return this.#waiting.size > 0
  }

  get hasDeadline(): boolean {
    return [...this.#waiting].some(isDeadline)
  }

  fireDeadline(): void {
    this.#fire(isDeadline)
  }

  /** All but deadlines. */
  fireOthers(): void {
    this.#fire((waiting) => !isDeadline(waiting))
  }

  forget(): void {
    this.#waiting.clear()
  }

  #fire(which: (waiting: Waiting) => boolean): void {
    for (const waiting of [...this.#waiting].filter(which)) {
      this.#waiting.delete(waiting)
      waiting.wake()
    }
  }
}

const isDeadline = ({ delay }: Waiting): boolean => delay > longestRetry
