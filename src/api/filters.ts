/** The `filters` parameter: `{"k":{"v":true}}` (docker CLI) or `{"k":["v"]}` (docker-py, dockerode, compose). */
import { badRequest, TallyError } from '../errors.ts'
import { type Parameter, text } from './query.ts'

/** The wanted values by filter; a filter that is not asked for is absent. */
export type Filters = ReadonlyMap<string, readonly string[]>

/** @throws TallyError bad-request for a filter that is not `accepted`; internal, as Docker does it, for malformed JSON. */
export function parseFilters(parameter: Parameter, accepted: readonly string[]): Filters {
  const json = text(parameter)
  const filters = json === undefined ? new Map<string, readonly string[]>() : toMap(parseJson(json))
  for (const name of filters.keys()) {
    if (!accepted.includes(name)) throw badRequest(`Invalid filter '${name}'`)
  }
  return filters
}

/** No such filter, or the value is one of the wanted. */
export function matchesExactly(filters: Filters, name: string, value: string): boolean {
  return filters.get(name)?.includes(value) ?? true
}

/** No such filter, or one of its values is the value or a regular expression found in it. */
export function matchesPattern(filters: Filters, name: string, value: string): boolean {
  return filters.get(name)?.some((pattern) => pattern === value || isFoundIn(pattern, value)) ?? true
}

/** No such filter, or all its values, `key` or `key=value` each, are among the pairs. */
export function matchesPairs(
  filters: Filters,
  name: string,
  pairs: Readonly<Record<string, string>>,
): boolean {
  return filters.get(name)?.every((wanted) => hasPair(pairs, wanted)) ?? true
}

function hasPair(pairs: Readonly<Record<string, string>>, wanted: string): boolean {
  const separator = wanted.indexOf('=')
  if (separator < 0) return Object.hasOwn(pairs, wanted)
  const key = wanted.slice(0, separator)
  return Object.hasOwn(pairs, key) && pairs[key] === wanted.slice(separator + 1)
}

function isFoundIn(pattern: string, value: string): boolean {
  try {
    return new RegExp(pattern).test(value)
  } catch {
    return false
  }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new TallyError('internal', `invalid filters: ${String(cause)}`, { cause })
  }
}

function toMap(value: unknown): Map<string, readonly string[]> {
  if (value === null) return new Map()
  if (!isObject(value)) throw malformed()
  return new Map(Object.entries(value).map(([name, wanted]) => [name, wantedValues(wanted)]))
}

function wantedValues(wanted: unknown): readonly string[] {
  if (Array.isArray(wanted) && wanted.every((value) => typeof value === 'string')) return wanted
  if (!isObject(wanted) || !Object.values(wanted).every((value) => typeof value === 'boolean'))
    throw malformed()
  return Object.keys(wanted)
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const malformed = (): TallyError =>
  new TallyError('internal', 'invalid filters: neither {"name":{"value":true}} nor {"name":["value"]}')
