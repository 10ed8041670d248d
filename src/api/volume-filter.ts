/** Which volumes a client wants: the `filters` of `GET /volumes` and `POST /volumes/prune`. */
import { badRequest } from '../errors.ts'
import type { Volume } from '../volumes/port.ts'
import { type Filters, matchesExactly, matchesPairs, matchesPattern } from './filters.ts'

export const volumeFilters = ['dangling', 'driver', 'label', 'name'] as const
export const pruneFilters = ['label', 'label!'] as const

/** @throws TallyError bad-request for a value of `dangling` that is neither true nor false */
export function isWantedVolume(filters: Filters): (volume: Volume) => boolean {
  const dangling = danglingWanted(filters.get('dangling'))
  return ({ name, labels, users }) =>
    (dangling === undefined || dangling === (users.length === 0)) &&
    matchesPattern(filters, 'name', name) &&
    matchesExactly(filters, 'driver', 'local') &&
    matchesPairs(filters, 'label', labels ?? {})
}

/** One that has all of `label` and none of `label!`. */
export function isPruned(filters: Filters): (volume: Volume) => boolean {
  const unwanted = filters.get('label!') ?? []
  return ({ labels }) =>
    matchesPairs(filters, 'label', labels ?? {}) &&
    !unwanted.some((label) => matchesPairs(new Map([['label', [label]]]), 'label', labels ?? {}))
}

/** Of both values true wins, as in Docker. */
function danglingWanted(values: readonly string[] | undefined): boolean | undefined {
  if (values === undefined) return undefined
  if (values.includes('true') || values.includes('1')) return true
  if (values.includes('false') || values.includes('0')) return false
  throw badRequest(`Invalid filter 'dangling=[${values.join(' ')}]'`)
}
