/** Time that a test moves by hand, the timers with it. */
import { afterEach, beforeEach, vi } from 'vitest'
import { type Clock, nanoseconds, rfc3339 } from '../../../src/clock.ts'
import { turns } from './turns.ts'

export class HandClock implements Clock {
  #time = nanoseconds('2026-01-01T00:00:00Z')
  now = (): string => rfc3339(this.#time)
  monotonic = (): bigint => this.#time

  async advance(milliseconds: number): Promise<void> {
    this.#time += BigInt(milliseconds) * 1_000_000n
    vi.advanceTimersByTime(milliseconds)
    await turns()
  }
}

/** For the tests of a file. */
export function useHandClocks(): void {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())
}
