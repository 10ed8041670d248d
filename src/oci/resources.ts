/** Limits of a container's control group: HostConfig's, as the runtime wants them. What the kernel can't hold is left out, as in Docker. */
import type { HostConfig, ThrottleDevice, WeightDevice } from '../../machines/spec.ts'
import { TallyError } from '../errors.ts'
import { deviceRules } from './devices.ts'
import type { LimitSupport, StartFacts } from './facts.ts'
import type { BlockIo, CpuLimits, DeviceWeight, MemoryLimits, Resources, Throttle } from './runtime-spec.ts'

export interface ResourceFacts extends Pick<StartFacts, 'deviceNumbers'> {
  readonly limits: LimitSupport
  readonly mappedDevices?: StartFacts['mappedDevices']
}

/** Microseconds: the period in which Docker's `--cpus` is counted. */
const cpusPeriod = 100_000

/** @throws TallyError internal, exit code 128, for an unknown throttled device. */
export function resources(hostConfig: HostConfig, facts: ResourceFacts): Resources {
  const { limits, deviceNumbers, mappedDevices = [] } = facts
  const pids = pidsLimit(hostConfig, limits)
  return {
    devices: deviceRules(hostConfig, mappedDevices),
    memory: memoryLimits(hostConfig, limits),
    cpu: cpuLimits(hostConfig, limits),
    ...(pids === undefined ? {} : { pids: { limit: pids } }),
    blockIO: blockIo(hostConfig, { limits, deviceNumbers }),
  }
}

/** MemorySwap counts memory and swap together; unset it is twice the memory, -1 is without limit. */
export function memoryAndSwap({ Memory, MemorySwap }: Pick<HostConfig, 'Memory' | 'MemorySwap'>): number {
  return Memory > 0 && MemorySwap === 0 ? 2 * Memory : MemorySwap
}

function memoryLimits(hostConfig: HostConfig, can: LimitSupport): MemoryLimits {
  const { Memory, MemoryReservation, MemorySwappiness, OomKillDisable } = hostConfig
  const swap = memoryAndSwap(hostConfig)
  return {
    ...(can.memory && Memory > 0 ? { limit: Memory } : {}),
    ...(can.memoryReservation && MemoryReservation > 0 ? { reservation: MemoryReservation } : {}),
    ...(can.memory && can.swap && swap > 0 ? { swap } : {}),
    ...(can.swappiness && isSet(MemorySwappiness) ? { swappiness: MemorySwappiness } : {}),
    ...(can.oomKillDisable && OomKillDisable ? { disableOOMKiller: true } : {}),
  }
}

/** Clients write -1 for "not set". */
const isSet = (value: number | null): value is number => value !== null && value !== -1

function cpuLimits(hostConfig: HostConfig, can: LimitSupport): CpuLimits {
  const { CpuShares, CpusetCpus, CpusetMems } = hostConfig
  return {
    ...(can.cpuShares && CpuShares > 0 ? { shares: CpuShares } : {}),
    ...(can.cpuQuota ? cpuTime(hostConfig) : {}),
    ...(can.cpuset && CpusetCpus !== '' ? { cpus: CpusetCpus } : {}),
    ...(can.cpuset && CpusetMems !== '' ? { mems: CpusetMems } : {}),
    ...(can.cpuRealtime ? realtime(hostConfig) : {}),
  }
}

function cpuTime({ NanoCpus, CpuPeriod, CpuQuota }: HostConfig): CpuLimits {
  if (NanoCpus > 0) return { period: cpusPeriod, quota: Math.floor((NanoCpus * cpusPeriod) / 1e9) }
  return {
    ...(CpuPeriod === 0 ? {} : { period: CpuPeriod }),
    ...(CpuQuota === 0 ? {} : { quota: CpuQuota }),
  }
}

function realtime({ CpuRealtimePeriod, CpuRealtimeRuntime }: HostConfig): CpuLimits {
  return {
    ...(CpuRealtimePeriod ? { realtimePeriod: CpuRealtimePeriod } : {}),
    ...(CpuRealtimeRuntime ? { realtimeRuntime: CpuRealtimeRuntime } : {}),
  }
}

/** 0 and less mean no limit, which the runtime writes as -1. */
function pidsLimit({ PidsLimit }: HostConfig, can: LimitSupport): number | undefined {
  if (!can.pids || PidsLimit === null) return undefined
  return PidsLimit > 0 ? PidsLimit : -1
}

function blockIo(
  hostConfig: HostConfig,
  { limits, deviceNumbers }: Pick<ResourceFacts, 'limits' | 'deviceNumbers'>,
): BlockIo {
  const weights = limits.blkioWeightDevice ? (hostConfig.BlkioWeightDevice ?? []) : []
  const weight = {
    ...(limits.blkioWeight && hostConfig.BlkioWeight > 0 ? { weight: hostConfig.BlkioWeight } : {}),
    ...(weights.length > 0 ? { weightDevice: weights.map((one) => deviceWeight(one, deviceNumbers)) } : {}),
  }
  if (!limits.blkioThrottle) return weight
  const throttles = (devices: readonly ThrottleDevice[] | null) =>
    (devices ?? []).map((device) => throttle(device, deviceNumbers))
  return {
    ...weight,
    throttleReadBpsDevice: throttles(hostConfig.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttles(hostConfig.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttles(hostConfig.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttles(hostConfig.BlkioDeviceWriteIOps),
  }
}

type DeviceNumbers = StartFacts['deviceNumbers']

const throttle = ({ Path, Rate }: ThrottleDevice, numbers: DeviceNumbers): Throttle => ({
  ...numbersOf(Path, numbers),
  rate: Rate,
})

const deviceWeight = ({ Path, Weight }: WeightDevice, numbers: DeviceNumbers): DeviceWeight => ({
  ...numbersOf(Path, numbers),
  weight: Weight,
})

function numbersOf(path: string, numbers: DeviceNumbers): { readonly major: number; readonly minor: number } {
  const device = numbers[path]
  if (device !== undefined) return device
  const message = `stat ${path}: no such file or directory`
  throw new TallyError('internal', message, { step: 'prepareBundle', exitCode: 128 })
}
