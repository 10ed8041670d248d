/** Lengths of time as Go writes them: `1h30m`, `1.5s`, `-10ms`. */

const units = { ns: 1n, us: 1_000n, µs: 1_000n, μs: 1_000n, ms: 1_000_000n, s: 1_000_000_000n } as const

const nanosecondsOf = (unit: string): bigint => {
  if (unit === 'h') return 3600n * units.s
  if (unit === 'm') return 60n * units.s
  return Object.entries(units).find(([name]) => name === unit)?.[1] ?? 0n
}

const part = String.raw`(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)`
const whole = new RegExp(`^([+-]?)((?:${part})+)$`)

/** @returns nanoseconds; undefined for what is none. */
export function goDuration(text: string): bigint | undefined {
  const [, sign, parts = ''] = whole.exec(text) ?? []
  if (sign === undefined) return undefined
  let sum = 0n
  for (const [, number = '', unit = ''] of parts.matchAll(new RegExp(part, 'g')))
    sum += times(number, nanosecondsOf(unit))
  return sign === '-' ? -sum : sum
}

function times(decimal: string, unit: bigint): bigint {
  const [whole = '', fraction = ''] = decimal.split('.')
  const digits = fraction.slice(0, 18)
  return BigInt(whole || '0') * unit + (BigInt(digits || '0') * unit) / 10n ** BigInt(digits.length)
}
