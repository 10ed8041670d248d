/** What a container is made with where the client said nothing: the image's config and Docker's defaults. */
import { hostname } from 'node:os'
import type { ContainerConfig, HostConfig } from '../../machines/spec.ts'
import type { ImageConfig } from '../images/port.ts'
import { cleanPath } from '../oci/clean-path.ts'
import { maskedPaths, readonlyPaths } from '../oci/masked-paths.ts'
import { memoryAndSwap } from '../oci/resources.ts'

/** Bytes of /dev/shm. */
const defaultShmSize = 64 * 1024 * 1024

const emptyHostConfig: HostConfig = {
  Binds: null,
  Mounts: [],
  NetworkMode: 'default',
  AutoRemove: false,
  RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
  LogConfig: { Type: 'json-file', Config: {} },
  CapAdd: null,
  CapDrop: null,
  Privileged: false,
  ReadonlyRootfs: false,
  SecurityOpt: null,
  Dns: [],
  DnsOptions: [],
  DnsSearch: [],
  ExtraHosts: null,
  GroupAdd: null,
  Tmpfs: {},
  ShmSize: defaultShmSize,
  Sysctls: {},
  Ulimits: null,
  Runtime: 'runc',
  CgroupParent: '',
  OomScoreAdj: 0,
  OomKillDisable: false,
  Memory: 0,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: null,
  KernelMemory: 0,
  NanoCpus: 0,
  CpuShares: 0,
  CpuPeriod: 0,
  CpuQuota: 0,
  CpusetCpus: '',
  CpusetMems: '',
  PidsLimit: null,
  BlkioWeight: 0,
  BlkioDeviceReadBps: null,
  BlkioDeviceWriteBps: null,
  BlkioDeviceReadIOps: null,
  BlkioDeviceWriteIOps: null,
  Init: null,
  MaskedPaths: null,
  ReadonlyPaths: null,
}

/** Clients send null, empty and 0 for what they don't set: all of it means the default. Fields that are not ours are kept. */
export function defaultHostConfig(
  partial: Partial<HostConfig>,
  { runtime = 'runc' }: { readonly runtime?: string } = {},
): HostConfig {
  const given: HostConfig = { ...emptyHostConfig, ...withoutNulls(partial) }
  const complete: HostConfig = {
    ...given,
    NetworkMode: given.NetworkMode || 'default',
    Runtime: partial.Runtime || runtime,
    ShmSize: given.ShmSize || defaultShmSize,
    MemorySwap: memoryAndSwap(given),
    MemorySwappiness: given.MemorySwappiness === -1 ? null : given.MemorySwappiness,
    RestartPolicy: restartPolicy(given),
    LogConfig: logConfig(given),
  }
  return complete.Privileged ? complete : { ...complete, ...hiddenPaths(complete) }
}

function withoutNulls(partial: Partial<HostConfig>): Partial<HostConfig> {
  return Object.fromEntries(
    Object.entries(partial).filter(([, value]) => value !== null && value !== undefined),
  )
}

function restartPolicy({ RestartPolicy }: HostConfig): HostConfig['RestartPolicy'] {
  return { Name: RestartPolicy.Name || 'no', MaximumRetryCount: RestartPolicy.MaximumRetryCount ?? 0 }
}

function logConfig({ LogConfig }: HostConfig): HostConfig['LogConfig'] {
  return { Type: LogConfig.Type || 'json-file', Config: LogConfig.Config ?? {} }
}

function hiddenPaths(hostConfig: HostConfig): Pick<HostConfig, 'MaskedPaths' | 'ReadonlyPaths'> {
  return { MaskedPaths: maskedPaths(hostConfig), ReadonlyPaths: readonlyPaths(hostConfig) }
}

/**
 * Docker's rules: an entrypoint of the client's own drops the image's command; variables merge by name, labels, ports and volumes by key,
 * the client's winning; `[""]` as entrypoint drops the image's.
 */
export function mergeConfig(
  request: Partial<ContainerConfig> & { readonly Image: string },
  image: ImageConfig,
  id: string,
  { NetworkMode }: Pick<HostConfig, 'NetworkMode'>,
): ContainerConfig {
  const stopSignal = request.StopSignal || image.StopSignal
  const ports = { ...image.ExposedPorts, ...request.ExposedPorts }
  return {
    Hostname: request.Hostname || (NetworkMode === 'host' ? hostname() : id.slice(0, 12)),
    Domainname: request.Domainname ?? '',
    User: request.User || (image.User ?? ''),
    AttachStdin: request.AttachStdin ?? false,
    AttachStdout: request.AttachStdout ?? false,
    AttachStderr: request.AttachStderr ?? false,
    ...(Object.keys(ports).length === 0 ? {} : { ExposedPorts: ports }),
    Tty: request.Tty ?? false,
    OpenStdin: request.OpenStdin ?? false,
    StdinOnce: request.StdinOnce ?? false,
    Env: mergedEnv(request.Env ?? [], image.Env ?? []),
    ...command(request, image),
    Image: request.Image,
    Volumes: mergedVolumes(request, image),
    WorkingDir: mergedWorkingDir(request.WorkingDir || (image.WorkingDir ?? '')),
    Labels: { ...image.Labels, ...request.Labels },
    ...(stopSignal ? { StopSignal: stopSignal } : {}),
    ...(typeof request.StopTimeout === 'number' ? { StopTimeout: request.StopTimeout } : {}),
  }
}

function mergedEnv(own: readonly string[], inherited: readonly string[]): readonly string[] {
  const names = new Set(own.map(variableName))
  return [...own, ...inherited.filter((entry) => !names.has(variableName(entry)))]
}

const variableName = (entry: string): string => entry.split('=', 1)[0] ?? ''

function command(
  request: Partial<ContainerConfig>,
  image: ImageConfig,
): Pick<ContainerConfig, 'Entrypoint' | 'Cmd'> {
  const { Entrypoint = null, Cmd = null } = request
  if (Entrypoint !== null && Entrypoint.length > 0)
    return { Entrypoint: isBlank(Entrypoint) ? null : Entrypoint, Cmd }
  const inherited = Entrypoint ?? image.Entrypoint ?? null
  return {
    Entrypoint: inherited === null || isBlank(inherited) ? null : inherited,
    Cmd: Cmd !== null && Cmd.length > 0 ? Cmd : (image.Cmd ?? null),
  }
}

const isBlank = (words: readonly string[]): boolean => words.length === 1 && words[0] === ''

function mergedVolumes(request: Partial<ContainerConfig>, image: ImageConfig): ContainerConfig['Volumes'] {
  const volumes = { ...request.Volumes, ...image.Volumes }
  return Object.keys(volumes).length === 0 ? null : volumes
}

/** Empty stays empty: it means `/`, and inspect shows it as it was. */
function mergedWorkingDir(path: string): string {
  return path === '' ? '' : cleanPath(path)
}
