/** What `docker info` tells of the machine: its limits, kernel and distribution, read from the kernel each time it is asked. */
import { access, readFile } from 'node:fs/promises'
import type { CgroupFacts } from './daemon-info.ts'

/** Which limits the kernel can set on containers. The names are those of `GET /info`. */
export interface LimitSupport {
  readonly MemoryLimit: boolean
  readonly SwapLimit: boolean
  readonly CpuCfsPeriod: boolean
  readonly CpuCfsQuota: boolean
  readonly CPUShares: boolean
  readonly CPUSet: boolean
  readonly PidsLimit: boolean
  readonly OomKillDisable: boolean
}

const cgroups = '/sys/fs/cgroup'

export const limitSupport = ({ version }: CgroupFacts): Promise<LimitSupport> =>
  version === '2' ? unifiedSupport() : hierarchySupport()

/** cgroups(7), version 2: one list of controllers for all. */
async function unifiedSupport(): Promise<LimitSupport> {
  const controllers = (await contents(`${cgroups}/cgroup.controllers`)).trim().split(' ')
  const memory = controllers.includes('memory')
  const cpu = controllers.includes('cpu')
  return {
    MemoryLimit: memory,
    SwapLimit: memory,
    CpuCfsPeriod: cpu,
    CpuCfsQuota: cpu,
    CPUShares: cpu,
    CPUSet: controllers.includes('cpuset'),
    PidsLimit: controllers.includes('pids'),
    OomKillDisable: false,
  }
}

/** Version 1: a file of the root group stands for what its hierarchy can do. */
async function hierarchySupport(): Promise<LimitSupport> {
  return {
    MemoryLimit: await exists(`${cgroups}/memory/memory.limit_in_bytes`),
    SwapLimit: await exists(`${cgroups}/memory/memory.memsw.limit_in_bytes`),
    CpuCfsPeriod: await exists(`${cgroups}/cpu/cpu.cfs_period_us`),
    CpuCfsQuota: await exists(`${cgroups}/cpu/cpu.cfs_quota_us`),
    CPUShares: await exists(`${cgroups}/cpu/cpu.shares`),
    CPUSet: await exists(`${cgroups}/cpuset/cpuset.cpus`),
    PidsLimit: await exists(`${cgroups}/pids/cgroup.procs`),
    OomKillDisable: await exists(`${cgroups}/memory/memory.oom_control`),
  }
}

/** Docker's sentences, one for each limit that is missing. */
export function limitWarnings(support: LimitSupport): readonly string[] {
  const words = {
    MemoryLimit: 'memory limit',
    SwapLimit: 'swap limit',
    CpuCfsPeriod: 'cpu cfs period',
    CpuCfsQuota: 'cpu cfs quota',
    CPUShares: 'cpu shares',
    CPUSet: 'cpuset',
    PidsLimit: 'pids limit',
  } as const
  return Object.entries(words)
    .filter(([name]) => !Object.entries(support).some(([key, there]) => key === name && there))
    .map(([, word]) => `WARNING: No ${word} support`)
}

/** A switch below /proc/sys, sysctl(8); one that does not exist is off. */
export const isSwitchedOn = async (path: string): Promise<boolean> =>
  (await contents(`/proc/sys/${path}`)).trim() === '1'

/** os-release(5). */
export async function distribution(): Promise<{ readonly name: string; readonly version: string }> {
  const release = await contents('/etc/os-release')
  const field = (key: string) => new RegExp(`^${key}="?([^"\n]*)`, 'm').exec(release)?.[1]
  return { name: field('PRETTY_NAME') ?? 'Linux', version: field('VERSION_ID') ?? '' }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** Empty if it can't be read: the kernel was built without it. */
const contents = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
