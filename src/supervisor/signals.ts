/** Signal names and numbers, signal(7). */
import { constants } from 'node:os'
import { badRequest } from '../errors.ts'

/** The number of `SIGTERM`, `TERM`, `SIGRTMIN+3` or `15`. @throws TallyError bad-request in Docker's wording. */
export function signalNumber(name: string): number {
  const number = /^\d+$/.test(name) ? Number(name) : namedSignal(name.toUpperCase().replace(/^(SIG)?/, 'SIG'))
  if (number === undefined || number < 1 || number > lastSignal) throw badRequest(`Invalid signal: ${name}`)
  return number
}

/** As glibc numbers them: the first two real-time signals belong to its threads. */
const firstRealTime = 34
const lastSignal = 64

function namedSignal(name: string): number | undefined {
  const known = Object.entries(constants.signals).find(([key]) => key === name)
  return known === undefined ? realTimeSignal(name) : known[1]
}

function realTimeSignal(name: string): number | undefined {
  const match = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name)
  if (match === null) return undefined
  const distance = Number(match[3] ?? 0) * (match[2] === '-' ? -1 : 1)
  return (match[1] === 'MIN' ? firstRealTime : lastSignal) + distance
}
