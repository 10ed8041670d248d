import fc from 'fast-check'
import { describe, expect, test as it } from 'vitest'
import { nanoseconds, rfc3339, systemClock } from '../../src/clock.ts'

const endOfYear9999 = 253_402_300_800_000_000_000n

describe('An RFC 3339 time', () => {
  it('has nine digits after the point, in UTC', () => {
    expect(rfc3339(1_764_000_000_000_000_001n)).toBe('2025-11-24T16:00:00.000000001Z')
    expect(rfc3339(0n)).toBe('1970-01-01T00:00:00.000000000Z')
  })

  it('comes back as the same nanoseconds', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: endOfYear9999 - 1n }), (time) => {
        expect(nanoseconds(rfc3339(time))).toBe(time)
      }),
    )
  })

  it.each([
    ['1970-01-01T00:00:01Z', 1_000_000_000n],
    ['1970-01-01T00:00:01.5Z', 1_500_000_000n],
    ['1970-01-01T00:00:01.1234567899Z', 1_123_456_789n],
    ['1970-01-01T01:00:00.25+01:00', 250_000_000n],
  ])('%s is %d', (text, expected) => expect(nanoseconds(text)).toBe(expected))
})

describe('The system’s clock', () => {
  it('tells the wall time to a few milliseconds', () => {
    const before = BigInt(Date.now() - 5) * 1_000_000n
    const now = nanoseconds(systemClock.now())
    expect(now).toBeGreaterThan(before)
    expect(now).toBeLessThan(BigInt(Date.now() + 5) * 1_000_000n)
  })

  it('has a monotonic side that never goes backwards', () => {
    const first = systemClock.monotonic()
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(first)
  })
})
