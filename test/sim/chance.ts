/** Chance that repeats itself: the same seed gives the same numbers on every machine. */
import type { Random } from '../../src/random.ts'

export interface Chance extends Random {
  /** A number from 0 up to, not including, 1. */
  next(): number
  /** True once in `times`. */
  oneIn(times: number): boolean
  pick<T>(from: readonly [T, ...T[]]): T
  /** Goes on from another seed. */
  reseed(seed: number): void
}

/** Mulberry32, a generator of 32 bits of state: quick, and good enough to choose what happens. */
export function chanceFrom(seed: number): Chance {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  const word = (): string =>
    below(2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return {
    ...{ next, below },
    hex: (bytes) =>
      Array.from({ length: Math.ceil(bytes / 4) }, word)
        .join('')
        .slice(0, bytes * 2),
    oneIn: (times) => below(times) === 0,
    pick: (from) => from[below(from.length)] ?? from[0],
    reseed(seed) {
      state = seed >>> 0
    },
  }
}
