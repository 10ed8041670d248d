/** Points in time as Docker's clients write them into queries. */
import { nanoseconds } from '../clock.ts'
import { badRequest } from '../errors.ts'
import { text } from './query.ts'

/**
 * Seconds since 1970 with up to nine decimals, or RFC 3339; absent or empty: undefined.
 * @returns nanoseconds since 1970. @throws TallyError bad-request
 */
export function time(name: string, parameter: string | string[] | undefined): bigint | undefined {
  const value = text(parameter)
  if (value === undefined) return undefined
  const parsed = fromUnix(value) ?? fromRfc3339(value)
  if (parsed === undefined) throw badRequest(`invalid value for ${name}: "${value}" is not a time`)
  return parsed
}

/** @returns nanoseconds since 1970; undefined for what are no seconds. */
export function fromUnix(value: string): bigint | undefined {
  const [, sign, seconds, fraction = ''] = /^(-?)(\d{1,15})(?:\.(\d{1,20}))?$/.exec(value) ?? []
  if (seconds === undefined) return undefined
  const magnitude = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
  return sign === '-' ? -magnitude : magnitude
}

function fromRfc3339(value: string): bigint | undefined {
  const wellFormed = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value)
  return wellFormed && !Number.isNaN(Date.parse(value)) ? nanoseconds(value) : undefined
}
