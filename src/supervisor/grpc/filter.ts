/**
 * containerd's filter expressions: selectors joined by commas must all hold, of several filters one must. A selector is a field path with
 * `==`, `!=` or `~=` (regular expression) and a value, or a field path alone (it is there). Values may be quoted; for `~=` also by `/` or `|`.
 */
import { badRequest } from '../../errors.ts'

/** The value of a field path such as `topic` or `event.container_id`; undefined if there is none. */
export type Fields = (path: string) => string | undefined

export type Filter = (fields: Fields) => boolean

/** @throws TallyError bad-request for an expression that can't be read. */
export function parseFilters(expressions: readonly string[]): Filter {
  if (expressions.length === 0) return () => true
  const filters = expressions.map(parseFilter)
  return (fields) => filters.some((filter) => filter(fields))
}

const selector =
  /([A-Za-z0-9_.]+(?:\."[^"]*")?)\s*(?:(==|!=|~=)\s*("(?:[^"\\]|\\.)*"|\/[^/]*\/|\|[^|]*\||[^,]*))?\s*(,|$)/y

function parseFilter(expression: string): Filter {
  const parts: Filter[] = []
  selector.lastIndex = 0
  while (selector.lastIndex < expression.length) {
    const match = selector.exec(expression)
    if (match === null) throw badRequest(`invalid filter: ${expression}`)
    const [, path = '', operator, value = ''] = match
    parts.push(condition(path, operator, unquote(value)))
  }
  return (fields) => parts.every((part) => part(fields))
}

function condition(path: string, operator: string | undefined, value: string): Filter {
  if (operator === '==') return (fields) => fields(path) === value
  if (operator === '!=') return (fields) => fields(path) !== value
  if (operator === undefined) return (fields) => Boolean(fields(path))
  const pattern = expressionOf(value)
  return (fields) => pattern.test(fields(path) ?? '')
}

function expressionOf(pattern: string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (cause) {
    throw badRequest(`invalid filter: ${String(cause)}`, cause)
  }
}

function unquote(value: string): string {
  if (/^"/.test(value)) return value.slice(1, -1).replace(/\\(.)/g, '$1')
  return /^([/|]).*\1$/.test(value) ? value.slice(1, -1) : value.trim()
}
