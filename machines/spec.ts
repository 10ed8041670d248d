/** What a container is made from, as recorded when it is created. Names and shapes are the Docker Engine API's. */

/** `Config` of the Docker Engine API after the image's own config has been merged in. */
export interface ContainerConfig {
  readonly Hostname: string
  readonly Domainname: string
  readonly User: string
  readonly AttachStdin: boolean
  readonly AttachStdout: boolean
  readonly AttachStderr: boolean
  readonly ExposedPorts?: Readonly<Record<string, object>>
  readonly Tty: boolean
  readonly OpenStdin: boolean
  readonly StdinOnce: boolean
  /** `NAME=value` each. */
  readonly Env: readonly string[]
  readonly Cmd: readonly string[] | null
  /** The image as the client wrote it. */
  readonly Image: string
  readonly Volumes: Readonly<Record<string, object>> | null
  readonly WorkingDir: string
  readonly Entrypoint: readonly string[] | null
  readonly Labels: Readonly<Record<string, string>>
  readonly StopSignal?: string
  /** Seconds; -1 waits for ever. */
  readonly StopTimeout?: number
}

/** The part of `HostConfig` that this engine acts on. Sizes are bytes, times microseconds unless named otherwise. */
export interface HostConfig {
  /** `source:target[:options]` each. */
  readonly Binds: readonly string[] | null
  readonly Mounts: readonly MountPoint[]
  readonly NetworkMode: string
  readonly AutoRemove: boolean
  readonly RestartPolicy: { readonly Name: string; readonly MaximumRetryCount: number }
  readonly LogConfig: { readonly Type: string; readonly Config: Readonly<Record<string, string>> }
  readonly CapAdd: readonly string[] | null
  readonly CapDrop: readonly string[] | null
  readonly Privileged: boolean
  readonly ReadonlyRootfs: boolean
  readonly SecurityOpt: readonly string[] | null
  readonly Dns: readonly string[]
  readonly DnsOptions: readonly string[]
  readonly DnsSearch: readonly string[]
  /** `host:address` each. */
  readonly ExtraHosts: readonly string[] | null
  readonly GroupAdd: readonly string[] | null
  readonly Tmpfs: Readonly<Record<string, string>>
  readonly ShmSize: number
  readonly Sysctls: Readonly<Record<string, string>>
  readonly Ulimits: readonly { readonly Name: string; readonly Soft: number; readonly Hard: number }[] | null
  readonly Runtime: string
  readonly CgroupParent: string
  readonly OomScoreAdj: number
  readonly OomKillDisable: boolean | null
  readonly Memory: number
  readonly MemoryReservation: number
  readonly MemorySwap: number
  readonly MemorySwappiness: number | null
  readonly KernelMemory: number
  readonly NanoCpus: number
  readonly CpuShares: number
  readonly CpuPeriod: number
  readonly CpuQuota: number
  readonly CpusetCpus: string
  readonly CpusetMems: string
  readonly PidsLimit: number | null
  readonly BlkioWeight: number
  readonly BlkioDeviceReadBps: readonly ThrottleDevice[] | null
  readonly BlkioDeviceWriteBps: readonly ThrottleDevice[] | null
  readonly BlkioDeviceReadIOps: readonly ThrottleDevice[] | null
  readonly BlkioDeviceWriteIOps: readonly ThrottleDevice[] | null
  readonly Init: boolean | null
  /** Rows and columns that a terminal begins with; absent or 0: none. */
  readonly ConsoleSize?: readonly number[]
  readonly MaskedPaths: readonly string[] | null
  readonly ReadonlyPaths: readonly string[] | null
}

export interface MountPoint {
  readonly Type: 'bind' | 'tmpfs'
  readonly Source?: string
  readonly Target: string
  readonly ReadOnly?: boolean
  readonly BindOptions?: { readonly Propagation?: string }
  readonly TmpfsOptions?: { readonly SizeBytes?: number; readonly Mode?: number }
}

export interface ThrottleDevice {
  readonly Path: string
  readonly Rate: number
}

/** The image a container was created from, resolved. */
export interface ImageReference {
  /** `sha256:` and 64 hex digits: the digest of the image's config. */
  readonly id: string
  /** Names of the layer directories below `<data-root>/overlay2`, lowest first. */
  readonly layers: readonly string[]
}

/** Everything decided at creation. It never changes afterwards; the name, which can, is not in it. */
export interface ContainerSpec {
  readonly image: ImageReference
  readonly config: ContainerConfig
  readonly hostConfig: HostConfig
  /** RFC 3339 with nanoseconds. */
  readonly createdAt: string
}
