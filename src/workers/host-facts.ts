/** Reads the facts of the host on which container specs depend; once, when the daemon starts. */
import { existsSync, readFileSync } from 'node:fs'
import { arch } from 'node:os'
import { join } from 'node:path'
import { type Cgroups, cgroups } from '../kernel/cgroups.ts'
import { host } from '../kernel/host.ts'
import type { HostFacts, LimitSupport } from '../oci/facts.ts'

export async function readHostFacts(): Promise<HostFacts> {
  const { kernelVersion, capabilities, cpus: cpuCount } = host()
  const groups = await cgroups()
  return {
    architecture: architecture(arch()),
    kernelRelease: kernelVersion,
    cgroupVersion: groups.version === 'v2' ? 2 : 1,
    capabilities,
    oomScoreAdj: Number(readFileSync('/proc/self/oom_score_adj', 'utf8')),
    openFiles: hardOpenFiles(readFileSync('/proc/self/limits', 'utf8')),
    apparmor: firstText('/sys/module/apparmor/parameters/enabled') === 'Y',
    cpuCount,
    ...cpuset(groups),
    limits: groups.version === 'v2' ? unifiedLimits(groups) : legacyLimits(groups),
    networkSysctls: networkSysctls.filter((name) => existsSync(`/proc/sys/${name.replaceAll('.', '/')}`)),
  }
}

const networkSysctls = ['net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start']

/** Go's name for Node's. */
export function architecture(nodeName: string): string {
  const names: Readonly<Record<string, string>> = { x64: 'amd64', ia32: 'x86', ppc64: 'ppc64le' }
  return names[nodeName] ?? nodeName
}

/** @param limits the text of /proc/<pid>/limits */
export function hardOpenFiles(limits: string): number {
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? 1024)
}

/** cpuset(7); a host without the controller says which CPUs and nodes are online. */
function cpuset({ version, controllers }: Cgroups): Pick<HostFacts, 'cpus' | 'memoryNodes'> {
  const group = controllers.get('cpuset') ?? ''
  const suffix = version === 'v2' ? '.effective' : ''
  return {
    cpus: firstText(join(group, `cpuset.cpus${suffix}`), '/sys/devices/system/cpu/online'),
    memoryNodes: firstText(join(group, `cpuset.mems${suffix}`), '/sys/devices/system/node/online'),
  }
}

/** Control groups v1: a limit exists if its file does. */
function legacyLimits({ controllers }: Cgroups): LimitSupport {
  const has = (controller: string, ...files: readonly string[]): boolean =>
    files.some((file) => existsSync(join(controllers.get(controller) ?? '/nonexistent', file)))
  return {
    memory: has('memory', 'memory.limit_in_bytes'),
    swap: has('memory', 'memory.memsw.limit_in_bytes'),
    swappiness: has('memory', 'memory.swappiness'),
    memoryReservation: has('memory', 'memory.soft_limit_in_bytes'),
    oomKillDisable: has('memory', 'memory.oom_control'),
    cpuQuota: has('cpu', 'cpu.cfs_quota_us'),
    cpuShares: has('cpu', 'cpu.shares'),
    cpuset: has('cpuset', 'cpuset.cpus'),
    pids: controllers.has('pids'),
    blkioWeight: has('blkio', 'blkio.weight', 'blkio.bfq.weight'),
    blkioWeightDevice: has('blkio', 'blkio.weight_device', 'blkio.bfq.weight_device'),
    blkioThrottle: has('blkio', 'blkio.throttle.read_bps_device'),
    cpuRealtime: has('cpu', 'cpu.rt_runtime_us'),
  }
}

/** Control groups v2: the root has no files of limits, so the controllers have to do; swappiness, "no OOM kill" and real time are gone. */
function unifiedLimits({ controllers }: Cgroups): LimitSupport {
  const has = (controller: string): boolean => controllers.has(controller)
  return {
    memory: has('memory'),
    swap: has('memory') && existsSync('/proc/swaps'),
    swappiness: false,
    memoryReservation: has('memory'),
    oomKillDisable: false,
    cpuQuota: has('cpu'),
    cpuShares: has('cpu'),
    cpuset: has('cpuset'),
    pids: has('pids'),
    blkioWeight: has('io'),
    blkioWeightDevice: has('io'),
    blkioThrottle: has('io'),
    cpuRealtime: false,
  }
}

/** The text of the first of these files that says anything. */
function firstText(...paths: readonly string[]): string {
  const texts = paths.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'utf8').trim())
  return texts.find((text) => text !== '') ?? ''
}
