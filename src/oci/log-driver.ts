/** `--log-driver` and `--log-opt`: what Docker knows, what we can do, and what it comes to. */
import type { HostConfig } from '../../machines/spec.ts'
import { badRequest, notSupported, TallyError } from '../errors.ts'

type LogConfig = HostConfig['LogConfig']

/** Options by driver: true for those that have an effect here. The others are Docker's, and refused. */
const options: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  'json-file': {
    ...{ 'max-size': true, 'max-file': true, mode: false, 'max-buffer-size': false, compress: false },
    ...{ labels: false, 'labels-regex': false, env: false, 'env-regex': false, tag: false },
  },
  local: { 'max-size': true, 'max-file': true, mode: false, 'max-buffer-size': false, compress: false },
}

const otherDrivers = ['awslogs', 'fluentd', 'gcplogs', 'gelf', 'journald', 'splunk', 'syslog']

/** @throws TallyError bad-request for what Docker does not know either, not-supported for what only Docker can do. */
export function checkLogConfig({ Type, Config }: LogConfig): void {
  if (Type === 'none' || Type === '') return
  if (otherDrivers.includes(Type)) throw notSupported(`log driver ${Type} is not supported yet`)
  const known = Object.hasOwn(options, Type) ? options[Type] : undefined
  if (known === undefined)
    throw badRequest(`error looking up logging plugin ${Type}: plugin "${Type}" not found`)
  const given = Object.entries(Config ?? {})
  const unknown = given.find(([name]) => !Object.hasOwn(known, name))
  if (unknown !== undefined) throw unknownOption(Type, unknown[0])
  checkMode(Config ?? {})
  for (const [name, value] of given) {
    if (known[name] === false && !isDefault(name, value))
      throw notSupported(`log option ${name} is not supported yet`)
  }
}

/** @throws TallyError bad-request for a mode that is none, and for what needs another. */
function checkMode({ mode = '', 'max-buffer-size': bufferSize }: Readonly<Record<string, string>>): void {
  if (!['', 'blocking', 'non-blocking'].includes(mode))
    throw badRequest(`logger: logging mode not supported: ${mode}`)
  if (bufferSize !== undefined && mode !== 'non-blocking')
    throw badRequest("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
}

const unknownOption = (driver: string, name: string): TallyError =>
  badRequest(
    `unknown log opt '${name}' for ${driver === 'local' ? 'log driver local' : `${driver} log driver`}`,
  )

/** What asks for nothing but how it is anyway: the shim writes before it reads on, and compresses nothing. */
const isDefault = (name: string, value: string): boolean =>
  (name === 'mode' && value === 'blocking') || (name === 'compress' && value === 'false')

export interface LogLimits {
  /** Bytes at which the file is rotated; 0: never. */
  readonly maxSize: number
  /** How many files are kept, the one being written included. */
  readonly maxFile: number
}

const defaults: Readonly<Record<string, { readonly size: string; readonly files: string }>> = {
  'json-file': { size: '-1', files: '1' },
  local: { size: '20m', files: '5' },
}

/** Found wrong at the start of a container only, as in Docker. @throws TallyError internal in Docker's words. */
export function logLimits({ Type, Config }: LogConfig): LogLimits {
  const { size, files } = defaults[Type] ?? { size: '-1', files: '1' }
  return { maxSize: parseSize(Config['max-size'] ?? size), maxFile: parseCount(Config['max-file'] ?? files) }
}

const units: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15 }

/** Bytes of `10m`, `512k`, `1 GB`: log sizes are decimal in Docker, also those with an `i`; 0 for `-1` (no limit). */
export function parseSize(text: string): number {
  if (text === '-1') return 0
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text) ?? []
  if (amount === undefined) throw cannotLog(`invalid size: '${text}'`)
  return Math.floor(Number(amount) * (units[unit.toLowerCase()] ?? 1))
}

function parseCount(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw cannotLog(`strconv.Atoi: parsing "${text}": invalid syntax`)
  if (Number(text) < 1) throw cannotLog('max-file cannot be less than 1')
  return Number(text)
}

const cannotLog = (reason: string): TallyError =>
  new TallyError('internal', `failed to initialize logging driver: ${reason}`, { exitCode: 128 })
