/** Docker's ways of writing values into a query string. */
import Type, { type Static } from 'typebox'
import { badRequest } from '../errors.ts'

/** Any parameter; of a repeated one the first counts, as in Go. */
export const Parameter = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())]))

export type Parameter = Static<typeof Parameter> | undefined

const falseWords: readonly string[] = ['', '0', 'no', 'false', 'none']

/** The first value; absent or empty: undefined. */
export function text(parameter: Parameter): string | undefined {
  const value = typeof parameter === 'object' ? parameter[0] : parameter
  return value === '' ? undefined : value
}

/** `1`, `true`, `True`, anything at all is true; absent, empty, `0`, `no`, `false`, `none` is false. */
export function flag(parameter: Parameter): boolean {
  return !falseWords.includes((text(parameter) ?? '').trim().toLowerCase())
}

/** A whole number; absent or empty: undefined. @throws TallyError bad-request */
export function integer(name: string, parameter: Parameter): number | undefined {
  const value = text(parameter)
  if (value === undefined) return undefined
  if (!/^[+-]?\d{1,15}$/.test(value))
    throw badRequest(`invalid value for ${name}: "${value}" is not a number`)
  return Number(value)
}
