/** A terminal's size as clients write it into a query string: `h=24&w=80`. */
import Type, { type Static } from 'typebox'
import { badRequest } from '../errors.ts'
import type { Size } from '../supervisor/port.ts'
import { Parameter } from './query.ts'

export const SizeQuery = Type.Object({ h: Parameter, w: Parameter })

/** @throws TallyError bad-request in Docker's words, which are those of Go's strconv */
export function sizeOf({ h, w }: Static<typeof SizeQuery>): Size {
  const height = cells(h)
  return { width: cells(w), height }
}

/** Of a number beyond what a terminal can have the kernel keeps the lower half, as in Docker: struct winsize has 16 bits for it. */
function cells(parameter: Parameter): number {
  const text = (typeof parameter === 'object' ? parameter[0] : parameter) ?? ''
  if (!/^[+-]?\d+$/.test(text))
    throw badRequest(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
  const number = BigInt(text.replace(/^\+/, ''))
  if (BigInt.asIntN(64, number) !== number)
    throw badRequest(`strconv.Atoi: parsing "${text}": value out of range`)
  return Number(BigInt.asUintN(16, number))
}
