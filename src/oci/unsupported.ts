/** What this engine can't do yet is refused with a clear sentence (501), rather than left out silently. */
import { badRequest, notSupported } from '../errors.ts'

/** `Config` and `HostConfig` as the client sent them: also fields that this engine does not know. */
export type RawOptions = object

/** Decided: a container has either no network or the host's. Docker's other modes need a bridge and are refused. */
export const supportedNetworkModes: readonly string[] = ['none', 'host']

interface Rule {
  readonly field: string
  /** Whether a value asks for nothing, or for what is there anyway. */
  readonly isFine: (value: unknown) => boolean
  readonly feature: string
}

const configRules: readonly Rule[] = [
  { field: 'Healthcheck', isFine: hasNoHealthcheck, feature: 'health checks' },
  { field: 'MacAddress', isFine: isEmpty, feature: 'a MAC address' },
]

const hostConfigRules: readonly Rule[] = [
  { field: 'Links', isFine: isEmpty, feature: 'links' },
  { field: 'UsernsMode', isFine: isOneOf('', 'host'), feature: 'user namespaces' },
  { field: 'StorageOpt', isFine: isEmpty, feature: 'storage options' },
  { field: 'KernelMemoryTCP', isFine: isEmpty, feature: 'a limit of TCP buffers in kernel memory' },
  { field: 'Cgroup', isFine: isEmpty, feature: 'a shared control group' },
]

/** @throws TallyError not-supported; bad-request for a value that Docker does not know either. */
export function refuseUnsupported(config: RawOptions, hostConfig: RawOptions): void {
  refuseByRules(config, configRules)
  refuseByRules(hostConfig, hostConfigRules)
  refuseNetwork(field(hostConfig, 'NetworkMode'))
  refuseMountTypes(field(hostConfig, 'Mounts'))
}

function refuseByRules(options: RawOptions, rules: readonly Rule[]): void {
  const refused = rules.find(({ field: name, isFine }) => !isFine(field(options, name)))
  if (refused !== undefined) throw notSupported(`not supported yet: ${refused.feature} (${refused.field})`)
}

function refuseNetwork(mode: unknown): void {
  const name = typeof mode === 'string' && mode !== '' ? mode : 'default'
  if (!supportedNetworkModes.includes(name))
    throw notSupported(`network mode ${name} is not supported yet: use --network none or --network host`)
}

/** Options of mounts that came after API 1.41. */
const newerOptions: readonly (readonly [string, string])[] = [
  ['BindOptions', 'CreateMountpoint'],
  ['BindOptions', 'ReadOnlyForceRecursive'],
  ['TmpfsOptions', 'Options'],
]

function refuseMountTypes(mounts: unknown): void {
  for (const mount of Array.isArray(mounts) ? mounts : []) {
    const type = String(field(mount, 'Type') ?? '')
    if (isOneOf('npipe', 'cluster', 'image')(type))
      throw notSupported(`mounts of type ${type} are not supported yet`)
    if (!isOneOf('bind', 'tmpfs', 'volume')(type))
      throw badRequest(`invalid mount config for type "${type}": mount type unknown`)
    const refused = newerOptions.find(([group, name]) => !isEmpty(field(field(mount, group), name)))
    if (refused !== undefined) throw notSupported(`not supported yet: ${refused.join('.')} of a mount`)
    if (field(field(mount, 'VolumeOptions'), 'Subpath'))
      throw notSupported('mounting a part of a volume (volume-subpath) is not supported yet')
  }
}

/** Docker's zero values: clients send them for everything that is not asked for. */
function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return !value
}

function isOneOf(...values: readonly string[]): (value: unknown) => boolean {
  return (value) => value === undefined || value === null || values.includes(String(value))
}

/** An empty test inherits the image's, `NONE` switches it off. */
function hasNoHealthcheck(value: unknown): boolean {
  const [kind] = list(field(value, 'Test'))
  return isEmpty(value) || kind === 'NONE'
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([key]) => key === name)?.[1]
}
