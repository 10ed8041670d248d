/** One string of HostConfig.Binds: `source:destination[:options]`. */
import { badRequest } from '../errors.ts'
import { cleanPath, isAbsolutePath } from './clean-path.ts'
import { checkDestination, propagationModes, type UserMount, type WantedVolume } from './user-mount.ts'
import { checkVolumeName } from './volume-name.ts'

/**
 * The source is a path of the host or the name of a volume. Options are `ro` or `rw`, a propagation mode, `nocopy` of a volume, `z` or `Z`
 * (SELinux, no effect) and a consistency (other platforms, no effect).
 * @throws TallyError bad-request in Docker's wording
 */
export function parseBind(text: string): Exclude<UserMount, { type: 'tmpfs' }> {
  const [source, target, mode = ''] = splitBind(text)
  if (target === undefined) return anonymousVolume(source)
  const options = parseMode(mode)
  const type = isAbsolutePath(source) ? 'bind' : 'volume'
  const prefix = `invalid volume specification: '${text}': invalid mount config for type "${type}": `
  const destination = checkDestination(target, prefix)
  const { writable, propagation, nocopy } = options
  if (type === 'volume') {
    if (propagation !== undefined) throw badRequest(`${prefix}field BindOptions must not be specified`)
    return namedVolume(source, { destination, writable, copy: !nocopy, mode: mode || 'z' })
  }
  if (nocopy) throw badRequest(`${prefix}field VolumeOptions must not be specified`)
  const how = { writable, propagation, createSource: true, recursive: true }
  return { type, source: cleanPath(source), destination, ...how }
}

function namedVolume(
  name: string,
  how: Pick<WantedVolume, 'destination' | 'writable' | 'copy' | 'mode'>,
): WantedVolume {
  checkVolumeName(name)
  return { type: 'volume', name, ...how, labels: null, options: null }
}

/** A path alone is a volume without a name, mounted there. */
function anonymousVolume(path: string): WantedVolume {
  const prefix = `invalid volume specification: '${path}': invalid mount config for type "volume": `
  const destination = checkDestination(path, prefix)
  const how = { writable: true, copy: true, mode: '' }
  return { type: 'volume', name: '', destination, ...how, labels: null, options: null }
}

function splitBind(text: string): readonly [string, string?, string?] {
  const [first = '', second, third, ...rest] = text.split(':')
  const isModeOnly = second !== undefined && third === undefined && isMode(second)
  if (first === '' || rest.length > 0 || isModeOnly)
    throw badRequest(`invalid volume specification: '${text}'`)
  return second === undefined ? [first] : third === undefined ? [first, second] : [first, second, third]
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
