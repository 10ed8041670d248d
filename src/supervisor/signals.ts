/** Signals as clients of the supervisor name them. */
import { parseSignal } from '../../machines/signals.ts'
import { badRequest } from '../errors.ts'

/** The number of `SIGTERM`, `TERM`, `SIGRTMIN+3` or `15`. @throws TallyError bad-request in Docker's wording. */
export function signalNumber(name: string): number {
  const number = parseSignal(name)
  if (number === undefined) throw badRequest(`Invalid signal: ${name}`)
  return number
}
