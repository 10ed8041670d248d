/** One string of HostConfig.Binds: `source:destination[:options]`. */
import { badRequest, notSupported } from '../errors.ts'
import { cleanPath, isAbsolutePath } from './clean-path.ts'
import { checkDestination, propagationModes, type UserMount } from './user-mount.ts'

/**
 * Options are `ro` or `rw`, a propagation mode, `z` or `Z` (SELinux, no effect) and a consistency (other platforms, no effect).
 * @throws TallyError bad-request in Docker's wording; not-supported for a named or anonymous volume.
 */
export function parseBind(text: string): UserMount {
  const [source, target, mode = ''] = splitBind(text)
  const options = parseMode(mode)
  if (!isAbsolutePath(source)) throw volumeRefused(source)
  const prefix = `invalid volume specification: '${text}': invalid mount config for type "bind": `
  const destination = checkDestination(target, prefix)
  if (options.nocopy) throw badRequest(`${prefix}field VolumeOptions must not be specified`)
  const { writable, propagation } = options
  return {
    type: 'bind',
    source: cleanPath(source),
    destination,
    writable,
    propagation,
    createSource: true,
    recursive: true,
  }
}

function splitBind(text: string): readonly [string, string, string | undefined] {
  const [first = '', second, third, ...rest] = text.split(':')
  if (first === '' || rest.length > 0) throw badRequest(`invalid volume specification: '${text}'`)
  if (second === undefined || (third === undefined && isMode(second)))
    throw notSupported(`anonymous volumes are not supported yet: ${first}`)
  return [first, second, third]
}

function volumeRefused(name: string): Error {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name))
    return notSupported(`named volumes are not supported yet: ${name}`)
  return badRequest(
    `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
  )
}

/** Of each kind at most one may be given. */
const modeKinds: Readonly<Record<string, readonly string[]>> = {
  access: ['ro', 'rw'],
  label: ['z', 'Z'],
  propagation: propagationModes,
  copy: ['nocopy'],
  consistency: ['consistent', 'cached', 'delegated', 'default'],
}

interface BindMode {
  readonly writable: boolean
  readonly propagation: string | undefined
  readonly nocopy: boolean
}

function parseMode(mode: string): BindMode {
  if (mode !== '' && !isMode(mode)) throw badRequest(`invalid mode: ${mode}`)
  const words = mode.split(',')
  return {
    writable: !words.includes('ro'),
    propagation: words.find((word) => propagationModes.includes(word)),
    nocopy: words.includes('nocopy'),
  }
}

function isMode(text: string): boolean {
  const kinds = text.split(',').map(kindOf)
  return !kinds.includes(undefined) && new Set(kinds).size === kinds.length
}

function kindOf(word: string): string | undefined {
  return Object.keys(modeKinds).find((kind) => modeKinds[kind]?.includes(word))
}
