/** The shape of config.json: the part of the OCI runtime specification 1.0.2 (config.md, config-linux.md) that this engine writes. */

export interface RuntimeSpec {
  readonly ociVersion: string
  readonly process: Process
  readonly root: { readonly path: string; readonly readonly: boolean }
  readonly hostname: string
  readonly mounts: readonly Mount[]
  readonly linux: Linux
}

export interface Process {
  readonly terminal: boolean
  readonly consoleSize?: ConsoleSize
  readonly user: User
  readonly args: readonly string[]
  readonly env: readonly string[]
  readonly cwd: string
  readonly capabilities: CapabilitySets
  readonly rlimits: readonly Rlimit[]
  readonly noNewPrivileges: boolean
  readonly oomScoreAdj: number
  readonly apparmorProfile?: string
}

export interface ConsoleSize {
  readonly height: number
  readonly width: number
}

export interface User {
  readonly uid: number
  readonly gid: number
  readonly additionalGids: readonly number[]
}

/** Inheritable and ambient stay empty (CVE-2022-24769). */
export interface CapabilitySets {
  readonly bounding: readonly string[]
  readonly effective?: readonly string[]
  readonly permitted?: readonly string[]
}

export interface Rlimit {
  readonly type: string
  readonly soft: number | bigint
  readonly hard: number | bigint
}

export interface Mount {
  readonly destination: string
  readonly type: string
  readonly source: string
  readonly options: readonly string[]
}

export interface Linux {
  readonly namespaces: readonly Namespace[]
  readonly cgroupsPath: string
  readonly resources: Resources
  readonly devices: readonly Device[]
  readonly sysctl: Readonly<Record<string, string>>
  readonly rootfsPropagation?: string
  readonly maskedPaths: readonly string[]
  readonly readonlyPaths: readonly string[]
  readonly seccomp?: Seccomp
}

export interface Namespace {
  readonly type: 'mount' | 'network' | 'uts' | 'pid' | 'ipc' | 'cgroup'
}

export interface Device {
  readonly type: 'c' | 'b'
  readonly path: string
  readonly major: number
  readonly minor: number
  readonly fileMode: number
  readonly uid: number
  readonly gid: number
}

export interface DeviceRule {
  readonly allow: boolean
  readonly type?: 'c' | 'b'
  readonly major?: number
  readonly minor?: number
  readonly access: string
}

export interface Resources {
  readonly devices: readonly DeviceRule[]
  readonly memory?: MemoryLimits
  readonly cpu?: CpuLimits
  readonly pids?: { readonly limit: number }
  readonly blockIO?: BlockIo
}

export interface MemoryLimits {
  readonly limit?: number
  readonly reservation?: number
  /** Memory and swap together. */
  readonly swap?: number
  readonly swappiness?: number
  readonly disableOOMKiller?: boolean
}

export interface CpuLimits {
  readonly shares?: number
  readonly quota?: number
  readonly period?: number
  readonly cpus?: string
  readonly mems?: string
}

export interface BlockIo {
  readonly weight?: number
  readonly throttleReadBpsDevice?: readonly Throttle[]
  readonly throttleWriteBpsDevice?: readonly Throttle[]
  readonly throttleReadIOPSDevice?: readonly Throttle[]
  readonly throttleWriteIOPSDevice?: readonly Throttle[]
}

export interface Throttle {
  readonly major: number
  readonly minor: number
  readonly rate: number
}

export interface Seccomp {
  readonly defaultAction: string
  readonly defaultErrnoRet?: number
  readonly architectures?: readonly string[]
  readonly syscalls: readonly SeccompRule[]
}

export interface SeccompRule {
  readonly names: readonly string[]
  readonly action: string
  readonly errnoRet?: number
  readonly args?: readonly SeccompArgument[]
}

export interface SeccompArgument {
  readonly index: number
  readonly value: number | bigint
  readonly valueTwo?: number | bigint
  readonly op: string
}
