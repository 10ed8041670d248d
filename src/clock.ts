/** Time as a value, so that tests and the simulation can bring their own. */
export interface Clock {
  /** Wall time, RFC 3339 in UTC with nanoseconds: `2026-11-24T06:32:43.123456789Z`. */
  now(): string
  /** Nanoseconds that never go backwards. */
  monotonic(): bigint
}

/** An RFC 3339 time in UTC with nanoseconds from nanoseconds since 1970. */
export function rfc3339(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, '0')
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z`
}

/** Nanoseconds since 1970 of an RFC 3339 time; digits after the ninth are dropped. */
export function nanoseconds(time: string): bigint {
  const fraction = /\.(\d{1,9})/.exec(time)?.[1] ?? ''
  const whole = time.replace(/\.\d+/, '')
  return BigInt(Date.parse(whole)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}

const wallAtStart = BigInt(Date.now()) * 1_000_000n
const monotonicAtStart = process.hrtime.bigint()

/** The system's clocks. Wall time has the resolution of the monotonic clock and follows steps of the wall clock. */
export const systemClock: Clock = {
  monotonic: () => process.hrtime.bigint(),
  now() {
    const fine = wallAtStart + process.hrtime.bigint() - monotonicAtStart
    const coarse = BigInt(Date.now()) * 1_000_000n
    const drift = fine - coarse
    return rfc3339(drift > 2_000_000n || drift < -2_000_000n ? coarse : fine)
  },
}
