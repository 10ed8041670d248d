/** What a spec depends on besides the container itself: facts of the host and of the mounted root file system, gathered by the workers. */
import type { Device } from './runtime-spec.ts'

/** Facts that hold as long as the daemon runs. */
export interface HostFacts {
  /** As Go, Docker and seccomp profiles call it: `amd64`, `arm64`. */
  readonly architecture: string
  /** `6.1.0-18-amd64` */
  readonly kernelRelease: string
  readonly cgroupVersion: 1 | 2
  /** What the daemon itself may hand on: its bounding set, capabilities(7). */
  readonly capabilities: readonly string[]
  /** The daemon's own, proc_pid_oom_score_adj(5). */
  readonly oomScoreAdj: number
  /** The daemon's hard limit of open files. */
  readonly openFiles: number
  readonly apparmor: boolean
  /** How many CPUs a container can have. */
  readonly cpuCount: number
  /** `0-3,8` */
  readonly cpus: string
  /** NUMA nodes, in the same form. */
  readonly memoryNodes: string
  /** Which limits the kernel's control groups can hold. */
  readonly limits: LimitSupport
  /** Sysctls below net.ipv4 that exist: `net.ipv4.ping_group_range` … */
  readonly networkSysctls: readonly string[]
}

export interface LimitSupport {
  readonly memory: boolean
  readonly swap: boolean
  readonly swappiness: boolean
  readonly memoryReservation: boolean
  readonly oomKillDisable: boolean
  readonly cpuQuota: boolean
  readonly cpuShares: boolean
  readonly cpuset: boolean
  readonly pids: boolean
  readonly blkioWeight: boolean
  readonly blkioWeightDevice: boolean
  readonly blkioThrottle: boolean
  readonly cpuRealtime: boolean
}

/** Facts that are read anew at each start. */
export interface StartFacts {
  /** Text of the image's /etc/passwd and /etc/group; null if there is none. */
  readonly passwd: string | null
  readonly group: string | null
  /** Device numbers by path, for the throttles and weights. */
  readonly deviceNumbers: Readonly<Record<string, { readonly major: number; readonly minor: number }>>
  /** The host's devices; only a privileged container gets them. */
  readonly hostDevices: readonly Device[]
  /** Those asked for by name, where the container is to see them. */
  readonly mappedDevices: readonly MappedDevice[]
  readonly joined: Joined
  /** The program that `--init` puts before the container's own, on the host; absent: not asked for. */
  readonly initProgram?: string
  /** How the mount that holds a bind's source propagates, by source. */
  readonly propagation: Readonly<Record<string, SourcePropagation>>
}

export interface MappedDevice {
  readonly device: Device
  /** Of `r`, `w` and `m`. */
  readonly access: string
}

/** What a container takes from others. */
export interface Joined {
  /** Process ids of the containers whose namespaces are joined, pid_namespaces(7), ipc_namespaces(7). */
  readonly pid?: number
  readonly ipc?: number
  /** What is mounted at /dev/shm instead of an own tmpfs. */
  readonly shm?: string
}

/** mount_namespaces(7): whether the mount is in a peer group (`shared`), receives from one (`slave`), both, or neither. */
export interface SourcePropagation {
  readonly mountPoint: string
  readonly shared: boolean
  readonly slave: boolean
}

/** Absolute paths of what the engine made for one container. */
export interface ContainerPaths {
  readonly rootfs: string
  readonly resolvConf: string
  readonly hostname: string
  readonly hosts: string
  readonly shm: string
}
