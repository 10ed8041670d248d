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
  { field: 'Init', isFine: isEmpty, feature: 'an init process (--init)' },
  { field: 'VolumesFrom', isFine: isEmpty, feature: 'volumes from other containers' },
  { field: 'VolumeDriver', isFine: isEmpty, feature: 'volume drivers' },
  { field: 'Links', isFine: isEmpty, feature: 'links' },
  { field: 'Devices', isFine: isEmpty, feature: 'host devices (--device)' },
  { field: 'DeviceRequests', isFine: isEmpty, feature: 'device requests (--gpus)' },
  { field: 'DeviceCgroupRules', isFine: isEmpty, feature: 'device control group rules' },
  { field: 'BlkioWeightDevice', isFine: isEmpty, feature: 'block I/O weights of devices' },
  { field: 'CpuRealtimePeriod', isFine: isEmpty, feature: 'the CPU real-time scheduler' },
  { field: 'CpuRealtimeRuntime', isFine: isEmpty, feature: 'the CPU real-time scheduler' },
  { field: 'UsernsMode', isFine: isOneOf('', 'host'), feature: 'user namespaces' },
  { field: 'PidMode', isFine: isEmpty, feature: 'a shared pid namespace' },
  { field: 'IpcMode', isFine: isOneOf('', 'private', 'shareable'), feature: 'a shared ipc namespace' },
  { field: 'UTSMode', isFine: isEmpty, feature: "the host's uts namespace" },
  { field: 'Isolation', isFine: isOneOf('', 'default'), feature: 'isolation' },
  { field: 'StorageOpt', isFine: isEmpty, feature: 'storage options' },
  { field: 'Cgroup', isFine: isEmpty, feature: 'a shared control group' },
]

/** @throws TallyError not-supported; bad-request for a value that Docker does not know either. */
export function refuseUnsupported(config: RawOptions, hostConfig: RawOptions): void {
  refuseByRules(config, configRules)
  refuseByRules(hostConfig, hostConfigRules)
  refuseNetwork(field(hostConfig, 'NetworkMode'))
  refuseMountTypes(field(hostConfig, 'Mounts'))
  refuseVolumes(config, hostConfig)
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

function refuseMountTypes(mounts: unknown): void {
  for (const mount of Array.isArray(mounts) ? mounts : []) {
    const type = String(field(mount, 'Type') ?? '')
    if (isOneOf('volume', 'npipe', 'cluster', 'image')(type))
      throw notSupported(`mounts of type ${type} are not supported yet`)
    if (!isOneOf('bind', 'tmpfs')(type))
      throw badRequest(`invalid mount config for type "${type}": mount type unknown`)
    if (field(field(mount, 'BindOptions'), 'NonRecursive'))
      throw notSupported('bind mounts that are not recursive are not supported yet')
  }
}

/** A volume at which something else is mounted is not made, as in Docker. */
function refuseVolumes(config: RawOptions, hostConfig: RawOptions): void {
  const taken = mountedAt(hostConfig)
  const refused = keys(field(config, 'Volumes')).find((path) => !taken.includes(path))
  if (refused !== undefined) throw notSupported(`anonymous volumes are not supported yet: ${refused}`)
}

function mountedAt(hostConfig: RawOptions): readonly string[] {
  const binds = list(field(hostConfig, 'Binds')).map((bind) => String(bind).split(':')[1] ?? '')
  const mounts = list(field(hostConfig, 'Mounts')).map((mount) => String(field(mount, 'Target')))
  return [...binds, ...mounts, ...keys(field(hostConfig, 'Tmpfs'))]
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

const keys = (value: unknown): readonly string[] =>
  typeof value === 'object' && value !== null ? Object.keys(value) : []

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([key]) => key === name)?.[1]
}
