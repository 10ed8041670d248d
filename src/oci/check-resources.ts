/** Limits that make no sense are refused at creation; those that the kernel can't hold are left out with a warning. Texts are Docker's. */
import type { HostConfig } from '../../machines/spec.ts'
import { badRequest } from '../errors.ts'
import { isAvailable } from './cpu-list.ts'
import type { HostFacts, LimitSupport } from './facts.ts'

/** Docker's own minimum, so that a container can start at all. */
const smallestMemory = 6 * 1024 * 1024

/** @returns warnings. @throws TallyError bad-request */
export function checkResources(hostConfig: HostConfig, host: HostFacts): readonly string[] {
  checkMemory(hostConfig)
  checkCpu(hostConfig, host.cpuCount)
  checkCpuset('cpus', hostConfig.CpusetCpus, host)
  checkCpuset('mems', hostConfig.CpusetMems, host)
  checkBlkio(hostConfig, host.limits)
  checkRealtime(hostConfig, host.limits)
  return [...discarded(hostConfig, host.limits), ...advice(hostConfig)]
}

function checkMemory(hostConfig: HostConfig): void {
  const { Memory, MemoryReservation, MemorySwap, KernelMemory } = hostConfig
  refuseIf(Memory !== 0 && Memory < smallestMemory, 'Minimum memory limit allowed is 6MB')
  refuseIf(
    Memory > 0 && MemorySwap > 0 && MemorySwap < Memory,
    'Minimum memoryswap limit should be larger than memory limit, see usage',
  )
  refuseIf(
    Memory === 0 && MemorySwap > 0,
    'You should always set the Memory limit when using Memoryswap limit, see usage',
  )
  checkSwappiness(hostConfig.MemorySwappiness)
  refuseIf(isBelowMinimum(MemoryReservation), 'Minimum memory reservation allowed is 6MB')
  refuseIf(
    Memory > 0 && MemoryReservation > 0 && Memory < MemoryReservation,
    'Minimum memory limit can not be less than memory reservation limit, see usage',
  )
  refuseIf(isBelowMinimum(KernelMemory), 'Minimum kernel memory limit allowed is 6MB')
}

const isBelowMinimum = (bytes: number): boolean => bytes > 0 && bytes < smallestMemory

function checkSwappiness(value: number | null): void {
  if (value === null || value === -1) return
  refuseIf(value < 0 || value > 100, `Invalid value: ${value}, valid memory swappiness range is 0-100`)
}

function checkCpu({ NanoCpus, CpuPeriod, CpuQuota, CpuShares }: HostConfig, count: number): void {
  refuseIf(NanoCpus > 0 && CpuPeriod > 0, 'Conflicting options: Nano CPUs and CPU Period cannot both be set')
  refuseIf(NanoCpus > 0 && CpuQuota > 0, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set')
  refuseIf(
    NanoCpus < 0 || NanoCpus > count * 1e9,
    `Range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`,
  )
  refuseIf(
    CpuPeriod !== 0 && (CpuPeriod < 1000 || CpuPeriod > 1_000_000),
    'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
  )
  refuseIf(CpuQuota > 0 && CpuQuota < 1000, 'CPU cfs quota can not be less than 1ms (i.e. 1000)')
  refuseIf(CpuShares < 0, 'shares: invalid argument')
}

function checkCpuset(kind: 'cpus' | 'mems', wanted: string, host: HostFacts): void {
  const available = kind === 'cpus' ? host.cpus : host.memoryNodes
  const noun = kind === 'cpus' ? 'CPUs' : 'memory nodes'
  refuseIf(
    !isListAvailable(kind, wanted, available),
    `Requested ${noun} are not available - requested ${wanted}, available: ${available}`,
  )
}

function isListAvailable(kind: string, wanted: string, available: string): boolean {
  try {
    return isAvailable(wanted, available)
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error)
    throw badRequest(`Invalid value ${wanted} for cpuset ${kind}: ${fault}`, error)
  }
}

function checkRealtime(hostConfig: HostConfig, { cpuRealtime }: LimitSupport): void {
  const { CpuRealtimePeriod: period = 0, CpuRealtimeRuntime: runtime = 0 } = hostConfig
  const isAsked = period !== 0 || runtime !== 0
  refuseIf(isAsked && !cpuRealtime, 'Your kernel does not support CPU real-time scheduler')
  refuseIf(
    period !== 0 && runtime !== 0 && runtime > period,
    'cpu real-time runtime cannot be higher than cpu real-time period',
  )
}

/** A weight that is left out anyway is not checked. */
function checkBlkio({ BlkioWeight }: HostConfig, { blkioWeight }: LimitSupport): void {
  if (!blkioWeight || BlkioWeight === 0) return
  refuseIf(BlkioWeight < 10 || BlkioWeight > 1000, 'Range of blkio weight is from 10 to 1000')
}

function discarded(hostConfig: HostConfig, can: LimitSupport): readonly string[] {
  const missing = (what: string) => `Your kernel does not support ${what} or the cgroup is not mounted.`
  const { Memory, MemorySwap, MemorySwappiness, PidsLimit } = hostConfig
  const wantsCpuTime = hostConfig.NanoCpus !== 0 || hostConfig.CpuPeriod !== 0 || hostConfig.CpuQuota !== 0
  const wantsCpuset = hostConfig.CpusetCpus !== '' || hostConfig.CpusetMems !== ''
  const table: readonly (readonly [boolean, string])[] = [
    [!can.memory && Memory > 0, `${missing('memory limit capabilities')} Limitation discarded.`],
    [
      !can.swap && Memory > 0 && MemorySwap !== -1,
      `${missing('swap limit capabilities')} Memory limited without swap.`,
    ],
    [
      !can.swappiness && (MemorySwappiness ?? -1) !== -1,
      `${missing('memory swappiness capabilities')} Memory swappiness discarded.`,
    ],
    [
      !can.memoryReservation && hostConfig.MemoryReservation > 0,
      `${missing('memory soft limit capabilities')} Limitation discarded.`,
    ],
    [
      !can.oomKillDisable && hostConfig.OomKillDisable === true,
      'Your kernel does not support OomKillDisable. OomKillDisable discarded.',
    ],
    [!can.pids && (PidsLimit ?? 0) > 0, `${missing('PIDs limit capabilities')} PIDs limit discarded.`],
    [!can.cpuShares && hostConfig.CpuShares > 0, `${missing('CPU shares')} Shares discarded.`],
    [!can.cpuQuota && wantsCpuTime, `${missing('CPU CFS scheduler')} CPU period/quota discarded.`],
    [!can.cpuset && wantsCpuset, `${missing('cpuset')} Cpuset discarded.`],
    [!can.blkioWeight && hostConfig.BlkioWeight > 0, `${missing('Block I/O weight')} Weight discarded.`],
    [
      !can.blkioWeightDevice && (hostConfig.BlkioWeightDevice ?? []).length > 0,
      `${missing('Block I/O weight_device')} Weight-device discarded.`,
    ],
    [!can.blkioThrottle && hasThrottles(hostConfig), `${missing('Block I/O limits')} Limits discarded.`],
  ]
  return table.filter(([applies]) => applies).map(([, warning]) => warning)
}

function hasThrottles(hostConfig: HostConfig): boolean {
  const lists = [
    hostConfig.BlkioDeviceReadBps,
    hostConfig.BlkioDeviceWriteBps,
    hostConfig.BlkioDeviceReadIOps,
    hostConfig.BlkioDeviceWriteIOps,
  ]
  return lists.some((list) => (list ?? []).length > 0)
}

/** No kernel since 5.4 limits its own memory apart from the rest. */
function advice({ OomKillDisable, Memory, KernelMemory }: HostConfig): readonly string[] {
  return [
    ...(OomKillDisable && Memory === 0
      ? [
          'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
        ]
      : []),
    ...(KernelMemory > 0
      ? ['Specifying a kernel memory limit is deprecated and has no effect. Limitation discarded.']
      : []),
  ]
}

function refuseIf(condition: boolean, message: string): void {
  if (condition) throw badRequest(message)
}
