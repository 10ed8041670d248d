/**
 * Time that passes only when told to: what is due happens in the order of its time, then of its being asked for, and what follows from it at
 * once (promises) is over before the next thing happens. Nothing else drives a simulation, so its course depends on its seed alone.
 */
import { type Clock, nanoseconds, rfc3339 } from '../../src/clock.ts'
import type { Timers } from '../../src/timers.ts'

interface Due {
  /** Milliseconds since the beginning. */
  readonly at: number
  readonly order: number
  /** Absent: cancelled. */
  wake: (() => void) | undefined
}

/** Called whenever something has happened; what it waits for takes no time here. */
type Look = () => Promise<void> | undefined

const beginning = nanoseconds('2026-01-01T00:00:00Z')

export class VirtualTime implements Timers, Clock {
  /** A binary heap, the next one first. */
  readonly #due: Due[] = []
  #now = 0
  #order = 0
  #skew = 0n

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return this.#now
  }

  now(): string {
    return rfc3339(beginning + this.#skew + this.monotonic())
  }

  monotonic(): bigint {
    return BigInt(Math.round(this.#now * 1000)) * 1000n
  }

  /** Sets the wall clock by so much, as whoever administers a host may. */
  setWallClock(milliseconds: number): void {
    this.#skew += BigInt(milliseconds) * 1_000_000n
  }

  after(delay: number, wake: () => void): () => void {
    const due: Due = { at: this.#now + Math.max(delay, 0), order: this.#order++, wake }
    this.#push(due)
    return () => {
      due.wake = undefined
    }
  }

  sleep(delay: number): Promise<void> {
    return new Promise((resolve) => void this.after(delay, resolve))
  }

  /** Lets `milliseconds` pass with all that is due in them; `look` is called whenever something has happened. */
  async pass(milliseconds: number, look: Look): Promise<void> {
    const end = this.#now + milliseconds
    await this.settle(look)
    for (let due = this.#next(end); due !== undefined; due = this.#next(end)) await this.#happen(due, look)
    this.#now = end
  }

  /** Lets time pass until nothing is due any more. @throws if that takes more than `patience` happenings. */
  async rest(look: Look, patience: number): Promise<void> {
    await this.settle(look)
    for (let left = patience; left > 0; left -= 1) {
      const due = this.#next(Number.POSITIVE_INFINITY)
      if (due === undefined) return
      await this.#happen(due, look)
    }
    throw new Error(`no rest after ${patience} happenings`)
  }

  /** Lets happen what follows at once: the next tick comes when all promises that can be are settled, and costs a fifth of a turn of the event loop. */
  async settle(look: Look): Promise<void> {
    await new Promise<void>((resolve) => process.nextTick(resolve))
    const looking = look()
    if (looking !== undefined) await looking
  }

  async #happen(due: Due, look: Look): Promise<void> {
    this.#now = due.at
    due.wake?.()
    due.wake = undefined
    await this.settle(look)
  }

  /** Takes out what is due next, if that is not after `end`. */
  #next(end: number): Due | undefined {
    for (;;) {
      const [first] = this.#due
      if (first === undefined || (first.wake !== undefined && first.at > end)) return undefined
      this.#pop()
      if (first.wake !== undefined) return first
    }
  }

  #push(due: Due): void {
    const heap = this.#due
    let hole = heap.length
    while (hole > 0) {
      const above = (hole - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !isBefore(due, parent)) break
      heap[hole] = parent
      hole = above
    }
    heap[hole] = due
  }

  #pop(): void {
    const heap = this.#due
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let hole = 0
    for (;;) {
      const child = this.#smallerChild(hole)
      const below = heap[child]
      if (below === undefined || !isBefore(below, last)) break
      heap[hole] = below
      hole = child
    }
    heap[hole] = last
  }

  #smallerChild(of: number): number {
    const [left, right] = [this.#due[2 * of + 1], this.#due[2 * of + 2]]
    return left !== undefined && right !== undefined && isBefore(right, left) ? 2 * of + 2 : 2 * of + 1
  }
}

const isBefore = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
