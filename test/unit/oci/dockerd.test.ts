/** Compares our specs with what a real dockerd 20.10.24 wrote for the same options (test/fixtures/dockerd-20.10). */
import { readFileSync } from 'node:fs'
import { describe, expect, test as it } from 'vitest'
import type { ContainerConfig, HostConfig } from '../../../machines/spec.ts'
import { defaultHostConfig } from '../../../src/engine/create-defaults.ts'
import type { StartFacts } from '../../../src/oci/facts.ts'
import { defaultMaskedPaths } from '../../../src/oci/masked-paths.ts'
import type { Mount, RuntimeSpec, SeccompRule } from '../../../src/oci/runtime-spec.ts'
import { runtimeSpec } from '../../../src/oci/spec.ts'
import { aHost, aStart, somePaths } from '../../fixtures/host-facts.ts'
import { aSpec } from '../../fixtures/spec.ts'

function theirs(name: string): RuntimeSpec {
  const path = new URL(`../../fixtures/dockerd-20.10/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(path, 'utf8')) as RuntimeSpec
}

function ours(
  config: Partial<ContainerConfig>,
  hostConfig: Partial<HostConfig>,
  start: Partial<StartFacts> = {},
): RuntimeSpec {
  const { createdAt, image, ...rest } = aSpec({ config: { Env: [], Cmd: ['sleep', '1000'], ...config } })
  const spec = { ...rest, createdAt, image, hostConfig: defaultHostConfig(hostConfig) }
  return runtimeSpec({
    id: 'ID',
    spec,
    host: aHost,
    start: { ...aStart, ...start },
    paths: somePaths,
    dataRoot: '/var/lib/docker',
    cgroupParent: '/docker',
  })
}

const plain = theirs('plain')
const rich = theirs('rich')
const hostNetwork = theirs('host-network')

const ourPlain = ours({ Hostname: plain.hostname }, { NetworkMode: 'none' })
const ourHostNetwork = ours({ Hostname: hostNetwork.hostname }, { NetworkMode: 'host' })
const ourRich = ours(
  {
    Hostname: 'foo.bar',
    Domainname: 'dom.x',
    User: 'bob',
    WorkingDir: '/not/there',
    Env: ['A=b', 'PATH=/bin:/x'],
  },
  {
    NetworkMode: 'none',
    ReadonlyRootfs: true,
    Tmpfs: { '/t': 'size=1m,ro' },
    Binds: ['/srv/data:/a/b:ro,z', '/srv/data:/a'],
    Mounts: [
      { Type: 'bind', Source: '/usr', Target: '/zz', ReadOnly: true },
      { Type: 'tmpfs', Target: '/tt', TmpfsOptions: { SizeBytes: 4_096_000, Mode: 0o700 } },
    ],
    GroupAdd: ['audio', '77'],
    Memory: 64 * 1024 * 1024,
    MemoryReservation: 32 * 1024 * 1024,
    NanoCpus: 500_000_000,
    PidsLimit: 20,
    Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }],
    SecurityOpt: ['no-new-privileges'],
    CapDrop: ['ALL'],
    CapAdd: ['chown'],
    Sysctls: { 'net.core.somaxconn': '33' },
    CpuShares: 512,
    CpusetCpus: '0',
    OomScoreAdj: 100,
  },
)

/** Docker keeps /dev/shm a tmpfs of the container; ours is the engine's own, bound into it. */
const withoutShm = (mounts: readonly Mount[]) =>
  mounts.filter(({ destination }) => destination !== '/dev/shm')

const sorted = (mounts: readonly Mount[]) =>
  withoutShm(mounts).toSorted((one, other) => one.destination.localeCompare(other.destination))

describe('A plain container', () => {
  it('runs the same process with the same rights', () => {
    const { rlimits, noNewPrivileges, terminal, ...process } = ourPlain.process
    expect(process).toEqual(plain.process)
    expect({ noNewPrivileges, terminal }).toEqual({ noNewPrivileges: false, terminal: false })
    expect(rlimits).toEqual([{ type: 'RLIMIT_NOFILE', soft: 1_048_576, hard: 1_048_576 }])
  })

  it('has the same mounts in the same order, but for /dev/shm', () => {
    expect(withoutShm(ourPlain.mounts)).toEqual(withoutShm(plain.mounts))
  })

  it('binds the engine-made tmpfs to /dev/shm', () => {
    expect(ourPlain.mounts).toContainEqual({
      destination: '/dev/shm',
      type: 'bind',
      source: somePaths.shm,
      options: ['rbind', 'rprivate'],
    })
  })

  it('has the same root, host name, namespaces, sysctls, control group and devices', () => {
    expect(ourPlain.root).toEqual({ ...plain.root, readonly: false })
    expect(ourPlain.hostname).toBe(plain.hostname)
    expect(ourPlain.linux.namespaces).toEqual(plain.linux.namespaces)
    expect(ourPlain.linux.sysctl).toEqual(plain.linux.sysctl)
    expect(ourPlain.linux.cgroupsPath).toBe(plain.linux.cgroupsPath)
    expect(ourPlain.linux.resources.devices).toEqual(plain.linux.resources.devices)
  })

  it('hides the same paths and the two that later versions hide', () => {
    const added = ['/proc/interrupts', '/sys/devices/virtual/powercap']
    expect(ourPlain.linux.readonlyPaths).toEqual(plain.linux.readonlyPaths)
    expect([...ourPlain.linux.maskedPaths].sort()).toEqual([...plain.linux.maskedPaths, ...added].sort())
    expect(defaultMaskedPaths).toEqual(ourPlain.linux.maskedPaths)
  })
})

describe('The default seccomp policy', () => {
  const unconditional = (rules: readonly SeccompRule[]) =>
    new Set(
      rules.filter(({ args, action }) => !args && action === 'SCMP_ACT_ALLOW').flatMap(({ names }) => names),
    )
  const allowed = unconditional(ourPlain.linux.seccomp?.syscalls ?? [])
  const allowedByDocker = unconditional(plain.linux.seccomp?.syscalls ?? [])

  it('allows what dockerd 20.10 allows, without io_uring and with limits on socket', () => {
    const missing = [...allowedByDocker].filter((name) => !allowed.has(name))
    expect(missing.sort()).toEqual(['io_uring_enter', 'io_uring_register', 'io_uring_setup', 'socket'])
  })

  it('adds only what later versions of Docker allow', () => {
    const added = [...allowed].filter((name) => !allowedByDocker.has(name))
    expect(added.sort()).toEqual([
      'cachestat',
      'fchmodat2',
      'futex_requeue',
      'futex_wait',
      'futex_wake',
      'map_shadow_stack',
      'mseal',
      'name_to_handle_at',
      'pkey_alloc',
      'pkey_free',
      'pkey_mprotect',
      'process_vm_readv',
      'process_vm_writev',
    ])
  })

  it('has the same architectures, default and conditional rules', () => {
    const conditional = (rules: readonly SeccompRule[] = []) =>
      rules.filter(({ args, names }) => args && !names.includes('socket')).map((rule) => ({ ...rule }))
    expect(ourPlain.linux.seccomp?.architectures).toEqual(plain.linux.seccomp?.architectures)
    expect(ourPlain.linux.seccomp?.defaultAction).toBe(plain.linux.seccomp?.defaultAction)
    expect(conditional(ourPlain.linux.seccomp?.syscalls)).toEqual(conditional(plain.linux.seccomp?.syscalls))
  })

  it('answers ENOSYS to clone3, so that libc falls back to clone', () => {
    expect(ourPlain.linux.seccomp?.syscalls).toContainEqual({
      names: ['clone3'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 38,
    })
  })
})

describe('A container with many options', () => {
  it('runs the same process with the same rights', () => {
    const { terminal, user, env, ...process } = ourRich.process
    const { user: theirUser, env: theirEnv, ...theirProcess } = rich.process
    expect(terminal).toBe(false)
    expect(process).toEqual(theirProcess)
    expect(env.toSorted()).toEqual(theirEnv.toSorted())
    expect(new Set(user.additionalGids)).toEqual(new Set(theirUser.additionalGids))
    expect([user.uid, user.gid]).toEqual([theirUser.uid, theirUser.gid])
  })

  it('has the same mounts, but for the spelling of a tmpfs size and /dev/shm', () => {
    const spelled = sorted(ourRich.mounts).map((mount) => ({
      ...mount,
      options: mount.options.map((option) => (option === 'size=4096000' ? 'size=4000k' : option)),
    }))
    expect(spelled).toEqual(sorted(rich.mounts))
  })

  it('has the same limits, but for what dockerd writes as zero or false', () => {
    const { memory, cpu, pids } = ourRich.linux.resources
    expect({ ...memory, disableOOMKiller: false }).toEqual(rich.linux.resources.memory)
    expect(cpu).toEqual(rich.linux.resources.cpu)
    expect(pids).toEqual(rich.linux.resources.pids)
  })

  it('has the same root, host name and sysctls', () => {
    expect(ourRich.root).toEqual(rich.root)
    expect(ourRich.hostname).toBe(rich.hostname)
    expect(ourRich.linux.sysctl).toEqual(rich.linux.sysctl)
  })
})

describe('A container in the host network', () => {
  it('has no network namespace and no network sysctls of its own', () => {
    const theirNamespaces = hostNetwork.linux.namespaces.filter(({ type }) => type !== 'network')
    expect(ourHostNetwork.linux.namespaces).toEqual(theirNamespaces)
    expect(ourHostNetwork.linux.sysctl).toEqual({})
    expect(hostNetwork.linux.sysctl).toBeUndefined()
  })
})

describe('A container that shares namespaces', () => {
  it('leaves the host’s name alone', () => {
    const { hostname, linux } = ours({ Hostname: 'mine' }, { UTSMode: 'host' })
    expect(hostname).toBe('')
    expect(linux.namespaces).not.toContainEqual({ type: 'uts' })
  })
})

it('An init process and annotations are in the spec', () => {
  const { process, annotations } = ours({}, { Annotations: { a: 'b' } }, { initProgram: '/i' })
  expect(process.args).toEqual(['/sbin/docker-init', '--', 'sleep', '1000'])
  expect(annotations).toEqual({ a: 'b' })
})

it('Devices of a driver are refused as in Docker', () => {
  const DeviceRequests = [{ Driver: '', Capabilities: [['gpu', 'nvidia']] }]
  expect(() => ours({}, { DeviceRequests })).toThrow(
    'could not select device driver "" with capabilities: [[gpu nvidia]]',
  )
})
