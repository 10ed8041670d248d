/** The Dockerfile instructions that `docker import --change` may carry, applied to an image's config by Docker's rules. */
import { parseSignal } from '../../machines/signals.ts'
import { badRequest, type TallyError } from '../errors.ts'
import { expand } from './dockerfile-variables.ts'
import { type Instruction, instructions, jsonList, pairs, plainWords } from './dockerfile-words.ts'
import { exposedPorts } from './exposed-ports.ts'
import { healthcheck } from './healthcheck.ts'
import type { ImageConfig } from './port.ts'

type Change = (config: ImageConfig, rest: string) => ImageConfig

const changes: Readonly<Record<string, Change>> = {
  cmd: (config, rest) => ({ ...config, Cmd: jsonList(rest) ?? shellForm(rest) }),
  entrypoint: (config, rest) => ({ ...config, Entrypoint: entrypoint(rest) }),
  env: setEnvironment,
  expose: expose,
  healthcheck: (config, rest) => ({ ...config, Healthcheck: healthcheck(rest) }),
  label: setLabels,
  onbuild: addTrigger,
  stopsignal: (config, rest) => ({ ...config, StopSignal: stopSignal(config, rest) }),
  user: (config, rest) => ({ ...config, User: single('USER', config, rest) }),
  volume: addVolumes,
  workdir: (config, rest) => ({ ...config, WorkingDir: workingDirectory(config, rest) }),
}

/**
 * @param texts each one or more instructions; together they are read as one Dockerfile.
 * @throws TallyError bad-request in Docker's words.
 */
export function applyChanges(config: ImageConfig, texts: readonly string[]): ImageConfig {
  if (texts.length === 0) return config
  const list = instructions(texts.join('\n'))
  if (list.length === 0) throw badRequest('file with no instructions')
  const steps = list.map(changeOf)
  return steps.reduce((state, { change, rest }) => change(state, rest), config)
}

function changeOf({ command, rest }: Instruction): { readonly change: Change; readonly rest: string } {
  const change = Object.hasOwn(changes, command) ? changes[command] : undefined
  if (change === undefined) throw badRequest(`${command} is not a valid change command`)
  return { change, rest }
}

const shellForm = (rest: string): readonly string[] =>
  rest === '' ? ['/bin/sh', '-c'] : ['/bin/sh', '-c', rest]

function entrypoint(rest: string): readonly string[] | null {
  if (rest === '') return null
  const list = jsonList(rest)
  if (list === undefined) return shellForm(rest)
  return list.length === 0 ? null : list
}

function setEnvironment(config: ImageConfig, rest: string): ImageConfig {
  const variables = variablesOf(config)
  const environment = new Map(variables)
  for (const [name, value] of pairs('ENV', rest)) {
    environment.set(expand(name, variables), expand(value, variables))
  }
  return { ...config, Env: Array.from(environment, ([name, value]) => `${name}=${value}`) }
}

function setLabels(config: ImageConfig, rest: string): ImageConfig {
  const variables = variablesOf(config)
  const labels = pairs('LABEL', rest).map(([name, value]) => [
    expand(name, variables),
    expand(value, variables),
  ])
  return { ...config, Labels: { ...config.Labels, ...Object.fromEntries(labels) } }
}

function expose(config: ImageConfig, rest: string): ImageConfig {
  const variables = variablesOf(config)
  const ports = plainWords(rest).flatMap((word) => plainWords(expand(word, variables)))
  if (rest === '') throw needs('EXPOSE', 'at least one argument')
  return { ...config, ExposedPorts: { ...config.ExposedPorts, ...emptyObjects(ports.flatMap(exposedPorts)) } }
}

function addVolumes(config: ImageConfig, rest: string): ImageConfig {
  const variables = variablesOf(config)
  const volumes = (jsonList(rest) ?? plainWords(rest)).map((word) => expand(word, variables).trim())
  if (volumes.length === 0) throw needs('VOLUME', 'at least one argument')
  if (volumes.includes('')) throw badRequest('VOLUME specified can not be an empty string')
  return { ...config, Volumes: { ...config.Volumes, ...emptyObjects(volumes) } }
}

function addTrigger(config: ImageConfig, rest: string): ImageConfig {
  if (rest === '') throw needs('ONBUILD', 'at least one argument')
  const trigger = (plainWords(rest)[0] ?? '').toUpperCase()
  if (trigger === 'ONBUILD') throw badRequest("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
  if (trigger === 'MAINTAINER' || trigger === 'FROM')
    throw badRequest(`${trigger} isn't allowed as an ONBUILD trigger`)
  return { ...config, OnBuild: [...onBuild(config), rest] }
}

const onBuild = ({ OnBuild }: ImageConfig): readonly unknown[] => (Array.isArray(OnBuild) ? OnBuild : [])

function stopSignal(config: ImageConfig, rest: string): string {
  const signal = single('STOPSIGNAL', config, rest)
  if (parseSignal(signal) === undefined) throw badRequest(`Invalid signal: ${signal}`)
  return signal
}

function workingDirectory(config: ImageConfig, rest: string): string {
  const path = single('WORKDIR', config, rest)
  return path.startsWith('/') ? path : joined(config.WorkingDir || '/', path)
}

/** Joins and cleans two paths without asking the file system. */
function joined(base: string, path: string): string {
  const parts: string[] = []
  for (const part of `${base}/${path}`.split('/')) {
    if (part === '..') parts.pop()
    if (part !== '' && part !== '.' && part !== '..') parts.push(part)
  }
  return `/${parts.join('/')}`
}

function single(command: string, config: ImageConfig, rest: string): string {
  if (rest === '') throw needs(command, 'exactly one argument')
  return expand(rest, variablesOf(config))
}

const needs = (command: string, what: string): TallyError => badRequest(`${command} requires ${what}`)

const emptyObjects = (keys: readonly string[]): Record<string, object> =>
  Object.fromEntries(keys.map((key) => [key, {}]))

function variablesOf({ Env }: ImageConfig): ReadonlyMap<string, string> {
  return new Map(
    (Env ?? []).map((entry) => {
      const equals = entry.indexOf('=')
      return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)]
    }),
  )
}
