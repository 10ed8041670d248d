/** The time in a filter `until`, which clients send as the user wrote it: how long ago, a date, or seconds since 1970. */
import { nanoseconds } from '../clock.ts'
import { TallyError } from '../errors.ts'
import type { Filters } from './filters.ts'
import { goDuration } from './go-duration.ts'
import { fromUnix } from './time-parameter.ts'

/** @param now RFC 3339. @returns nanoseconds since 1970; undefined without such a filter. @throws TallyError internal in Docker's words */
export function untilOf(filters: Filters, now: string): bigint | undefined {
  const values = filters.get('until')
  if (values === undefined) return undefined
  const [value = ''] = values
  if (values.length > 1) throw new TallyError('internal', 'more than one until filter specified')
  return moment(value, now)
}

function moment(value: string, now: string): bigint {
  const ago = value === '0' ? undefined : goDuration(value)
  if (ago !== undefined) return nanoseconds(now) - ago
  const found = fromDate(value) ?? fromUnix(value)
  if (found !== undefined) return found
  throw new TallyError('internal', `failed to parse value as time or duration: ${JSON.stringify(value)}`)
}

const date = /^(\d{4}-\d\d-\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(\.\d+)?)?)?)?(Z|[+-]\d\d:\d\d)?$/

/** What is left out is 0; without a zone it is the daemon's own. */
function fromDate(value: string): bigint | undefined {
  const [, day, hour = '00', minute = '00', second = '00', fraction = '', zone = ''] = date.exec(value) ?? []
  if (day === undefined) return undefined
  const milliseconds = Date.parse(`${day}T${hour}:${minute}:${second}${zone}`)
  if (Number.isNaN(milliseconds)) return undefined
  return BigInt(milliseconds) * 1_000_000n + BigInt(fraction.slice(1, 10).padEnd(9, '0'))
}
