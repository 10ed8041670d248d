/** `GET /info`: what `docker info` prints. It names only what this engine really has. */
import { createHash } from 'node:crypto'
import { readdir, readFile, statfs } from 'node:fs/promises'
import { availableParallelism, machine, release, totalmem } from 'node:os'
import type { DockerStatus, Engine } from '../../engine/port.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { distribution, isSwitchedOn, limitSupport, limitWarnings } from '../host-facts.ts'
import type { RuntimeVersion } from '../runtime-version.ts'
import { nullIfEmpty } from './null-if-empty.ts'

export interface InfoSources {
  readonly engine: Engine
  readonly daemon: DaemonInfo
  readonly runtime: RuntimeVersion
  /** RFC 3339. */
  readonly now: string
}

export async function infoAnswer({ engine, daemon, runtime, now }: InfoSources): Promise<object> {
  return {
    ...(await hostSection(daemon)),
    ...contentSection(engine),
    ...daemonSection(daemon, runtime),
    ID: await daemonId(daemon),
    SystemTime: now,
  }
}

function contentSection(engine: Engine): object {
  const containers = engine.list()
  const count = (...wanted: readonly DockerStatus[]) =>
    containers.filter(({ status }) => wanted.includes(status)).length
  return {
    Containers: containers.length,
    ContainersRunning: count('running', 'restarting'),
    ContainersPaused: count('paused'),
    ContainersStopped: count('created', 'exited', 'removing', 'dead'),
    Images: engine.images.list().length,
  }
}

async function hostSection({ cgroup, roots }: DaemonInfo): Promise<object> {
  const support = await limitSupport(cgroup)
  const { name, version } = await distribution()
  return {
    ...support,
    KernelMemory: false,
    KernelMemoryTCP: false,
    IPv4Forwarding: await isSwitchedOn('net/ipv4/ip_forward'),
    BridgeNfIptables: await isSwitchedOn('net/bridge/bridge-nf-call-iptables'),
    BridgeNfIp6tables: await isSwitchedOn('net/bridge/bridge-nf-call-ip6tables'),
    Driver: 'overlay2',
    DriverStatus: [
      ['Backing Filesystem', await fileSystem(roots.dataRoot)],
      ['Native Overlay Diff', 'true'],
      ['userxattr', 'false'],
    ],
    NFd: (await readdir('/proc/self/fd')).length,
    NGoroutines: 0,
    NEventsListener: 0,
    KernelVersion: release(),
    OperatingSystem: name,
    OSVersion: version,
    OSType: 'linux',
    Architecture: machine(),
    NCPU: availableParallelism(),
    MemTotal: totalmem(),
    Warnings: nullIfEmpty(limitWarnings(support)),
  }
}

function daemonSection(daemon: DaemonInfo, runtime: RuntimeVersion): object {
  const supervisor = `tallyman ${daemon.version}`
  return {
    Name: daemon.name,
    ServerVersion: daemon.version,
    DockerRootDir: daemon.roots.dataRoot,
    Debug: false,
    ExperimentalBuild: false,
    LoggingDriver: 'json-file',
    CgroupDriver: daemon.cgroup.driver,
    CgroupVersion: daemon.cgroup.version,
    Plugins: { Volume: ['local'], Network: ['host', 'null'], Authorization: null, Log: ['json-file'] },
    Runtimes: daemon.runtimes,
    DefaultRuntime: daemon.defaultRuntime,
    LiveRestoreEnabled: daemon.liveRestore,
    SecurityOptions: securityOptions(daemon),
    InitBinary: 'docker-init',
    ContainerdCommit: { ID: supervisor, Expected: supervisor },
    RuncCommit: { ID: runtime.commit, Expected: runtime.commit },
    InitCommit: { ID: '', Expected: '' },
    ...absentSection,
  }
}

/** cgroup namespaces are private by default only on version 2, as in Docker. */
const securityOptions = ({ cgroup }: DaemonInfo): readonly string[] =>
  cgroup.version === '2'
    ? ['name=seccomp,profile=default', 'name=cgroupns']
    : ['name=seccomp,profile=default']

/** What clients look for and this engine does not have. */
const absentSection = {
  GenericResources: null,
  HttpProxy: '',
  HttpsProxy: '',
  NoProxy: '',
  Labels: [],
  Isolation: '',
  IndexServerAddress: 'https://index.docker.io/v1/',
  RegistryConfig: {
    AllowNondistributableArtifactsCIDRs: [],
    AllowNondistributableArtifactsHostnames: [],
    InsecureRegistryCIDRs: [],
    IndexConfigs: {},
    Mirrors: [],
  },
  Swarm: {
    NodeID: '',
    NodeAddr: '',
    LocalNodeState: 'inactive',
    ControlAvailable: false,
    Error: '',
    RemoteManagers: null,
  },
} as const

/** The same as long as the machine and the data root are the same, in Docker's form: twelve groups of four. */
async function daemonId({ roots }: DaemonInfo): Promise<string> {
  const machineId = await readFile('/etc/machine-id', 'utf8').catch(() => '')
  const digest = createHash('sha256').update(`tallyman\0${machineId}\0${roots.dataRoot}`).digest()
  const letters = [...digest.subarray(0, 24)].flatMap((byte) => [byte >> 4, byte & 15])
  const text = letters.map((nibble) => 'ABCDEFGHIJKLMNOP'[nibble]).join('')
  return (text.match(/.{4}/g) ?? []).join(':')
}

/** Magic numbers of statfs(2), named as Docker names them. */
const fileSystems: Readonly<Record<number, string>> = {
  61267: 'extfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
  16914836: 'tmpfs',
  2035054128: 'overlayfs',
}

async function fileSystem(path: string): Promise<string> {
  const { type } = await statfs(path)
  return fileSystems[type] ?? `0x${type.toString(16)}`
}
