/** `HostConfig` of inspect: what was recorded, between all the fields that Docker's clients expect to find. */
import type { HostConfig } from '../../../machines/spec.ts'

/** What Docker answers for fields that this engine does not act on. */
const untouched = {
  ContainerIDFile: '',
  PortBindings: {},
  VolumeDriver: '',
  VolumesFrom: null,
  CgroupnsMode: '',
  IpcMode: 'private',
  Cgroup: '',
  Links: null,
  PidMode: '',
  PublishAllPorts: false,
  UTSMode: '',
  UsernsMode: '',
  ConsoleSize: [0, 0],
  Isolation: '',
  BlkioWeightDevice: [],
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  Devices: [],
  DeviceCgroupRules: null,
  DeviceRequests: null,
  KernelMemoryTCP: 0,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
} as const

/** Fields that Docker leaves out while they are empty. */
const leftOut: readonly string[] = ['Mounts', 'Tmpfs', 'Sysctls', 'StorageOpt', 'Init', 'Annotations']

/** Docker's empty lists where null would be as true. */
const lists: readonly string[] = [
  'Ulimits',
  'BlkioDeviceReadBps',
  'BlkioDeviceWriteBps',
  'BlkioDeviceReadIOps',
  'BlkioDeviceWriteIOps',
]

/** @param cgroupVersion decides whether containers have a cgroup namespace of their own: Docker's default is host on 1, private on 2 */
export function hostConfigView(hostConfig: HostConfig, cgroupVersion: '1' | '2'): Record<string, unknown> {
  const complete: Record<string, unknown> = { ...untouched, ...hostConfig }
  complete.CgroupnsMode ||= cgroupVersion === '2' ? 'private' : 'host'
  complete.IpcMode ||= untouched.IpcMode
  // Clients write 0 or -1 for no limit.
  if (typeof complete.PidsLimit === 'number' && complete.PidsLimit <= 0) complete.PidsLimit = null
  for (const name of lists) complete[name] ??= []
  return Object.fromEntries(Object.entries(complete).filter(([name, value]) => isShown(name, value)))
}

function isShown(name: string, value: unknown): boolean {
  if (!leftOut.includes(name)) return true
  if (typeof value !== 'object' || value === null) return value !== null && value !== undefined
  return Object.keys(value).length > 0
}
