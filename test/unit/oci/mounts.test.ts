import { describe, expect, test as it } from 'vitest'
import type { HostConfig } from '../../../machines/spec.ts'
import type { SourcePropagation, StartFacts } from '../../../src/oci/facts.ts'
import { userMounts } from '../../../src/oci/mount-points.ts'
import { containerMounts } from '../../../src/oci/mounts.ts'
import { tmpfsOptions } from '../../../src/oci/tmpfs-options.ts'
import { aStart, somePaths } from '../../fixtures/host-facts.ts'
import { aSpec } from '../../fixtures/spec.ts'

const hostConfig = (changes: Partial<HostConfig>): HostConfig => aSpec({ hostConfig: changes }).hostConfig
const parsed = (changes: Partial<HostConfig>) => userMounts(hostConfig(changes))

function mounted(
  changes: Partial<HostConfig>,
  sources: Record<string, SourcePropagation> = {},
  start: Partial<StartFacts> = {},
) {
  const propagation = { dataRoot: '/var/lib/tallyman', sources }
  return containerMounts({
    ...{ hostConfig: hostConfig(changes), paths: somePaths, propagation },
    start: { ...aStart, ...start },
  })
}

const optionsAt = (destination: string, changes: Partial<HostConfig>) =>
  mounted(changes).mounts.find((mount) => mount.destination === destination)?.options

describe('Binds', () => {
  it('have a source, a destination and options', () => {
    expect(parsed({ Binds: ['/src/../a/:/b//c:ro,rslave,Z'] })).toEqual([
      {
        type: 'bind',
        source: '/a',
        destination: '/b/c',
        writable: false,
        propagation: 'rslave',
        createSource: true,
        recursive: true,
      },
    ])
  })

  it.each([
    ['', "invalid volume specification: ''"],
    ['/a:ro', "invalid volume specification: '/a:ro'"],
    [
      'aa:/x:rshared',
      `invalid volume specification: 'aa:/x:rshared': invalid mount config for type "volume": field BindOptions must not be specified`,
    ],
    [
      'aa:x',
      `invalid volume specification: 'aa:x': invalid mount config for type "volume": invalid mount path: 'x' mount path must be absolute`,
    ],
    ['a:/x', 'create a: volume name is too short, names should be at least two alphanumeric characters'],
    ['/a:/b:c:d', "invalid volume specification: '/a:/b:c:d'"],
    ['/a:/b:foo', 'invalid mode: foo'],
    ['/a:/b:ro,rw', 'invalid mode: ro,rw'],
    ['/a:/b:slave,shared', 'invalid mode: slave,shared'],
    ['a::/b', 'invalid mode: /b'],
    [
      '/a:c',
      `invalid volume specification: '/a:c': invalid mount config for type "bind": invalid mount path: 'c' mount path must be absolute`,
    ],
    [
      '/a:/',
      `invalid volume specification: '/a:/': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    ],
    [
      '/a:/b:ro,nocopy',
      `invalid volume specification: '/a:/b:ro,nocopy': invalid mount config for type "bind": field VolumeOptions must not be specified`,
    ],
    [
      'a/b:/c',
      'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    ],
  ])('%j is refused as Docker does', (bind, message) => {
    expect(() => parsed({ Binds: [bind] })).toThrow(expect.objectContaining({ code: 'bad-request', message }))
  })

  it.each([
    ['name:/c', { name: 'name', destination: '/c', writable: true, mode: 'z', copy: true }],
    ['n.m:/c/../d:ro,z', { name: 'n.m', destination: '/d', writable: false, mode: 'ro,z', copy: true }],
    ['name:/c:nocopy', { name: 'name', destination: '/c', writable: true, mode: 'nocopy', copy: false }],
    ['/a', { name: '', destination: '/a', writable: true, mode: '', copy: true }],
  ])('%j is a volume', (bind, wanted) => {
    expect(parsed({ Binds: [bind] })).toEqual([{ type: 'volume', ...wanted, labels: null, options: null }])
  })
})

describe('Mounts', () => {
  it.each([
    [{ Type: 'bind', Target: '/b' }, 'field Source must not be empty'],
    [{ Type: 'bind', Source: '/tmp', Target: '' }, 'field Target must not be empty'],
    [{ Type: 'bind', Source: '/tmp', Target: '/' }, "invalid specification: destination can't be '/'"],
    [{ Type: 'bind', Source: '/tmp', Target: 'b' }, "invalid mount path: 'b' mount path must be absolute"],
    [{ Type: 'bind', Source: 'x', Target: '/b' }, "invalid mount path: 'x' mount path must be absolute"],
    [
      { Type: 'bind', Source: '/tmp', Target: '/b', BindOptions: { Propagation: 'foo' } },
      'invalid propagation mode: foo',
    ],
    [{ Type: 'tmpfs', Source: '/tmp', Target: '/b' }, 'field Source must not be specified'],
    [{ Type: 'volume', Source: 'v1', Target: 'b' }, "invalid mount path: 'b' mount path must be absolute"],
    [{ Type: 'volume', Target: '/b', BindOptions: {} }, 'field BindOptions must not be specified'],
    [
      { Type: 'bind', Source: '/tmp', Target: '/b', VolumeOptions: {} },
      'field VolumeOptions must not be specified',
    ],
  ] as const)('%j is refused as Docker does', (mount, message) => {
    expect(() => parsed({ Mounts: [mount] })).toThrow(
      `invalid mount config for type "${mount.Type}": ${message}`,
    )
  })
})

it.each([
  [{ Binds: ['/a:/b:ro', '/c:/b/'] }],
  [{ Binds: ['/a:/b'], Tmpfs: { '/b': '' } }],
  [{ Binds: ['/a:/b'], Mounts: [{ Type: 'bind', Source: '/a', Target: '/b' }] }],
] as const)('%j mounts two things at one place and is refused', (changes) => {
  expect(() => parsed(changes)).toThrow('Duplicate mount point: /b')
})

describe('The order of mounts', () => {
  it('puts parents before what is inside them, and the files of the engine after /etc', () => {
    const { mounts } = mounted({ Binds: ['/x:/etc/deep/er', '/y:/etc'], Tmpfs: { '/etc/deep': '' } })
    const order = mounts.map(({ destination }) => destination).slice(6)
    expect(order).toEqual([
      '/etc',
      '/etc/deep',
      '/dev/shm',
      '/etc/resolv.conf',
      '/etc/hostname',
      '/etc/hosts',
      '/etc/deep/er',
    ])
  })

  it('lets a mount of the user replace one of the engine', () => {
    const { mounts } = mounted({ Binds: ['/my/hosts:/etc/hosts:ro'] })
    const hosts = mounts.filter(({ destination }) => destination === '/etc/hosts')
    expect(hosts).toEqual([
      {
        destination: '/etc/hosts',
        type: 'bind',
        source: '/my/hosts',
        options: ['rbind', 'ro', 'rprivate'],
      },
    ])
  })

  it('leaves out all below a /dev of the user', () => {
    const { mounts } = mounted({ Binds: ['/dev:/dev'] })
    expect(mounts.filter(({ destination }) => destination.startsWith('/dev'))).toHaveLength(1)
  })
})

describe('A privileged container', () => {
  it('can write to /sys and to its control groups', () => {
    expect(optionsAt('/sys', { Privileged: true })).not.toContain('ro')
    expect(optionsAt('/sys/fs/cgroup', { Privileged: true })).not.toContain('ro')
  })
})

describe('A tmpfs', () => {
  it('is safe by default and its last word holds', () => {
    expect(tmpfsOptions([])).toEqual(['noexec', 'nosuid', 'nodev', 'rprivate'])
    expect(tmpfsOptions(['rw', 'exec', 'size=1m', 'size=2m'])).toEqual([
      'nosuid',
      'nodev',
      'rprivate',
      'rw',
      'exec',
      'size=2m',
    ])
  })

  it('refuses what it does not know', () => {
    expect(() => tmpfsOptions(['foo=1'])).toThrow('invalid tmpfs option ["foo" "1"]')
    expect(() => tmpfsOptions(['bar'])).toThrow('invalid tmpfs option ["bar"]')
  })
})

describe('Propagation', () => {
  const onShared = { mountPoint: '/mnt', shared: true, slave: false }
  const onPrivate = { mountPoint: '/', shared: false, slave: false }

  it('shared makes the root pass mounts on', () => {
    const { rootfsPropagation } = mounted({ Binds: ['/mnt/x:/x:rshared'] }, { '/mnt/x': onShared })
    expect(rootfsPropagation).toBe('shared')
  })

  it('slave makes the root receive them', () => {
    const { rootfsPropagation } = mounted({ Binds: ['/mnt/x:/x:slave'] }, { '/mnt/x': onShared })
    expect(rootfsPropagation).toBe('rslave')
  })

  it('that the mount of the source does not have fails the start', () => {
    const sources = { '/tmp': onPrivate }
    expect(() => mounted({ Binds: ['/tmp:/z:rslave'] }, sources)).toThrow(
      'path /tmp is mounted on / but it is not a shared or slave mount',
    )
    expect(() => mounted({ Binds: ['/tmp:/z:rshared'] }, sources)).toThrow(
      'path /tmp is mounted on / but it is not a shared mount',
    )
  })

  it('of a source that holds the data root is rslave if it can be', () => {
    const options = (source: SourcePropagation) =>
      mounted({ Binds: ['/var:/x'] }, { '/var': source }).mounts.find(
        ({ destination }) => destination === '/x',
      )?.options
    expect(options(onShared)).toContain('rslave')
    expect(options(onPrivate)).toContain('rprivate')
  })
})

describe('/dev/shm', () => {
  const sources = (changes: Partial<HostConfig>, start: Partial<StartFacts> = {}) =>
    mounted(changes, {}, start)
      .mounts.filter(({ destination }) => destination === '/dev/shm')
      .map(({ source }) => source)

  it('is the container’s own', () => {
    expect(sources({})).toEqual([somePaths.shm])
    expect(sources({ IpcMode: 'shareable' })).toEqual([somePaths.shm])
  })

  it('is not there without ipc', () => {
    expect(sources({ IpcMode: 'none' })).toEqual([])
  })

  it('is that of whom it is shared with', () => {
    expect(sources({ IpcMode: 'host' }, { joined: { shm: '/dev/shm' } })).toEqual(['/dev/shm'])
  })
})

it('A bind that is not recursive leaves out what is mounted below its source', () => {
  const bind = { Type: 'bind', Source: '/usr', Target: '/m', BindOptions: { NonRecursive: true } } as const
  expect(optionsAt('/m', { Mounts: [bind] })).toEqual(['bind', 'rprivate'])
  expect(optionsAt('/m', { Mounts: [{ ...bind, BindOptions: {} }] })).toEqual(['rbind', 'rprivate'])
})

it('The init program is bound after everything else', () => {
  const { mounts } = mounted({ Binds: ['/srv:/sbin'] }, {}, { initProgram: '/usr/bin/docker-init' })
  expect(mounts.at(-1)).toMatchObject({ destination: '/sbin/docker-init', source: '/usr/bin/docker-init' })
})
