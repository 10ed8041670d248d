import { describe, expect, test as it } from 'vitest'
import { goDuration } from '../../../src/api/go-duration.ts'
import { untilOf } from '../../../src/api/until.ts'
import { nanoseconds } from '../../../src/clock.ts'

const now = '2026-11-24T12:00:00.500000000Z'
const until = (...values: readonly string[]) => untilOf(new Map([['until', values]]), now)

describe('A length of time', () => {
  it.each([
    ['1h30m', 5_400_000_000_000n],
    ['1.5s', 1_500_000_000n],
    ['.5ms', 500_000n],
    ['-10ms', -10_000_000n],
    ['1us2ns', 1_002n],
    ['1µs', 1_000n],
  ])('%s', (text, expected) => {
    expect(goDuration(text)).toBe(expected)
  })

  it.each(['', '1', '1d', 'h', '1h 30m', '--1h'])('%j is none', (text) => {
    expect(goDuration(text)).toBeUndefined()
  })
})

describe('The filter until', () => {
  it.each([
    ['10m', nanoseconds('2026-11-24T11:50:00.5Z')],
    ['2026-11-24T11:00:00Z', nanoseconds('2026-11-24T11:00:00Z')],
    ['2026-11-24T11:00:00.123456789Z', nanoseconds('2026-11-24T11:00:00.123456789Z')],
    ['2026-11-24T13:00+02:00', nanoseconds('2026-11-24T11:00:00Z')],
    ['2026-11-24', BigInt(new Date(2026, 10, 24).getTime()) * 1_000_000n],
    ['2026-11-24T10:30', BigInt(new Date(2026, 10, 24, 10, 30).getTime()) * 1_000_000n],
    ['1795500000.25', 1_795_500_000_250_000_000n],
    ['0', 0n],
  ])('%s is a moment', (value, expected) => {
    expect(until(value)).toBe(expected)
  })

  it('is none if it is not given', () => {
    expect(untilOf(new Map(), now)).toBeUndefined()
  })

  it.each([
    [['x'], 'failed to parse value as time or duration: "x"'],
    [['2026-13-41'], 'failed to parse value as time or duration: "2026-13-41"'],
    [['1h', '2h'], 'more than one until filter specified'],
  ])('%j is refused', (values, message) => {
    expect(() => until(...values)).toThrow(message)
  })
})
