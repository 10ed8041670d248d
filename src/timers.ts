/** Waiting as a value, so that the simulation can bring a time of its own. */
export interface Timers {
  /** Calls back once after `delay` milliseconds (at most 2^31 − 1). Returns the canceller. */
  after(delay: number, wake: () => void): () => void
}

export const systemTimers: Timers = {
  after(delay, wake) {
    const timer = setTimeout(wake, delay)
    return () => clearTimeout(timer)
  },
}
