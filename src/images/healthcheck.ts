/** HEALTHCHECK as an image's config stores it: `HEALTHCHECK [--interval=… --timeout=… --start-period=… --retries=…] CMD … | NONE`. */
import { badRequest } from '../errors.ts'
import { jsonList, plainWords } from './dockerfile-words.ts'

export interface Healthcheck {
  readonly Test: readonly string[]
  /** Nanoseconds. */
  readonly Interval?: number
  readonly Timeout?: number
  readonly StartPeriod?: number
  readonly Retries?: number
}

const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
}

/** @throws TallyError bad-request in Docker's words. */
export function healthcheck(text: string): Healthcheck {
  if (text === '') throw badRequest('HEALTHCHECK requires at least one argument')
  const [flags = ''] = /^(?:--\S+\s+)*/.exec(text) ?? []
  const [kind = '', command = ''] = splitFirst(text.slice(flags.length))
  if (kind.toUpperCase() === 'NONE') return none(flags, command)
  if (kind.toUpperCase() !== 'CMD')
    throw badRequest(`Unknown type ${JSON.stringify(kind.toUpperCase())} in HEALTHCHECK (try CMD)`)
  if (command === '') throw badRequest('Missing command after HEALTHCHECK CMD')
  return { Test: test(command), ...Object.assign({}, ...plainWords(flags).map(flag)) }
}

function none(flags: string, command: string): Healthcheck {
  if (command !== '' || flags !== '') throw badRequest('HEALTHCHECK NONE takes no arguments')
  return { Test: ['NONE'] }
}

function test(command: string): readonly string[] {
  const list = jsonList(command)
  return list === undefined ? ['CMD-SHELL', command] : ['CMD', ...list]
}

function flag(word: string): Partial<Healthcheck> {
  const [, name = '', value = ''] = /^--([^=]+)=?(.*)$/.exec(word) ?? []
  switch (name) {
    case 'interval':
      return { Interval: duration(name, value) }
    case 'timeout':
      return { Timeout: duration(name, value) }
    case 'start-period':
      return { StartPeriod: duration(name, value) }
    case 'retries':
      return { Retries: retries(value) }
    default:
      throw badRequest(`Unknown flag: ${name}`)
  }
}

function retries(value: string): number {
  if (/^\d+$/.test(value)) return Number(value)
  throw badRequest(`invalid value for --retries: ${JSON.stringify(value)}`)
}

/** Go's notation: `1m30s`, `500ms`. */
function duration(name: string, text: string): number {
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text))
    throw badRequest(`invalid duration for --${name}: ${JSON.stringify(text)}`)
  const parts = Array.from(text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
  const total = parts.reduce((sum, [, amount, unit = 'ns']) => sum + Number(amount) * (units[unit] ?? 0), 0)
  if (total < 1e6) throw badRequest(`Interval ${JSON.stringify(name)} cannot be less than 1ms`)
  return total
}

function splitFirst(text: string): readonly string[] {
  return /^(\S+)\s*(.*)$/s.exec(text)?.slice(1) ?? []
}
