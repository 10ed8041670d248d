import { describe, expect, test as it } from 'vitest'
import { createChecks } from '../../../src/engine/create-checks.ts'
import { aHost } from '../../fixtures/host-facts.ts'

const check = createChecks({
  host: { ...aHost, capabilities: aHost.capabilities.filter((name) => name !== 'CAP_SYS_RESOURCE') },
  runtimes: ['runc'],
  pathExists: (path) => path === '/there',
})

const create = (config: object, hostConfig: object = {}) =>
  check({ config: { Image: 'busybox', ...config }, hostConfig: { NetworkMode: 'none', ...hostConfig } })

it('what the docker CLI sends for `run --network none` passes without a warning', () => {
  const config = { Hostname: '', Tty: false, Env: null, Cmd: ['true'], Volumes: {}, Entrypoint: null }
  const hostConfig = {
    Binds: null,
    LogConfig: { Type: '', Config: {} },
    PortBindings: {},
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    VolumesFrom: null,
    ConsoleSize: [24, 80],
    CgroupnsMode: '',
    Dns: [],
    Links: null,
    IpcMode: '',
    PidMode: '',
    Privileged: false,
    SecurityOpt: null,
    UTSMode: '',
    UsernsMode: '',
    Isolation: '',
    MemorySwappiness: -1,
    OomKillDisable: false,
    PidsLimit: 0,
    Devices: [],
    DeviceRequests: null,
    MaskedPaths: null,
  }
  expect(create(config, hostConfig)).toEqual([])
})

describe('What can not be done yet is refused with 501', () => {
  it.each([
    [{ Healthcheck: { Test: ['CMD', 'x'] } }, {}, 'not supported yet: health checks (Healthcheck)'],
    [
      {},
      { NetworkMode: '' },
      'network mode default is not supported yet: use --network none or --network host',
    ],
    [
      {},
      { NetworkMode: 'bridge' },
      'network mode bridge is not supported yet: use --network none or --network host',
    ],
    [
      {},
      { Mounts: [{ Type: 'bind', Source: '/there', Target: '/x', BindOptions: { CreateMountpoint: true } }] },
      'not supported yet: BindOptions.CreateMountpoint of a mount',
    ],
    [
      {},
      { Mounts: [{ Type: 'volume', Target: '/x', VolumeOptions: { Subpath: 'a' } }] },
      'mounting a part of a volume (volume-subpath) is not supported yet',
    ],
    [{}, { Mounts: [{ Type: 'image', Target: '/x' }] }, 'mounts of type image are not supported yet'],
    [{}, { LogConfig: { Type: 'syslog' } }, 'log driver syslog is not supported yet'],
    [{}, { LogConfig: { Type: 'json-file', Config: { tag: 'x' } } }, 'log option tag is not supported yet'],
  ])('%j %j: %s', (config, hostConfig, message) => {
    expect(() => create(config, hostConfig)).toThrow(
      expect.objectContaining({ code: 'not-supported', message }),
    )
  })
})

describe('What makes no sense is refused with 400', () => {
  it.each([
    [{ WorkingDir: 'x' }, {}, "the working directory 'x' is invalid, it needs to be an absolute path"],
    [{ StopSignal: 'FOO' }, {}, 'Invalid signal: FOO'],
    [{ Env: ['=a'] }, {}, 'invalid environment variable: =a'],
    [{ Env: [''] }, {}, 'invalid environment variable: '],
    [{}, { Runtime: 'foo' }, 'Unknown runtime specified foo'],
    [{}, { ShmSize: -1 }, 'SHM size can not be less than 0'],
    [{}, { OomScoreAdj: 2000 }, 'Invalid value 2000, range for oom score adj is [-1000, 1000]'],
    [{}, { RestartPolicy: { Name: 'foo' } }, "invalid restart policy 'foo'"],
    [{}, { ExtraHosts: ['foo'] }, 'bad format for add-host: "foo"'],
    [{}, { ExtraHosts: ['foo:bar'] }, 'invalid IP address in add-host: "bar"'],
    [{}, { Tmpfs: { t: '' } }, "invalid mount path: 't' mount path must be absolute"],
    [
      {},
      { Mounts: [{ Type: 'foo', Target: '/b' }] },
      'invalid mount config for type "foo": mount type unknown',
    ],
    [
      {},
      { Mounts: [{ Type: 'bind', Source: '/nonex', Target: '/b' }] },
      'invalid mount config for type "bind": bind source path does not exist: /nonex',
    ],
    [{}, { PidMode: 'foo' }, 'Invalid PID mode: foo'],
    [{}, { IpcMode: 'foo' }, 'Invalid IPC mode: foo'],
    [{}, { UTSMode: 'container:x' }, 'Invalid UTS mode: container:x'],
    [{}, { CgroupnsMode: 'foo' }, 'invalid cgroup namespace mode: foo'],
    [{}, { Isolation: 'hyperv' }, `Invalid isolation: "hyperv" - linux only supports 'default'`],
    [{ Hostname: 'h' }, { UTSMode: 'host' }, 'conflicting options: hostname and the UTS mode'],
    [
      {},
      { CpuRealtimePeriod: 1000, CpuRealtimeRuntime: 2000 },
      'cpu real-time runtime cannot be higher than cpu real-time period',
    ],
    [{}, { LogConfig: { Type: 'foo' } }, 'error looking up logging plugin foo: plugin "foo" not found'],
  ])('%j %j: %s', (config, hostConfig, message) => {
    expect(() => create(config, hostConfig)).toThrow(
      expect.objectContaining({ code: 'bad-request', message }),
    )
  })
})

it.each([
  { PidMode: 'host', IpcMode: 'host', UTSMode: 'host', CgroupnsMode: 'private' },
  { PidMode: 'container:x', IpcMode: 'container:x', Isolation: 'default' },
  { Init: true, IpcMode: 'none', Devices: [], DeviceCgroupRules: ['c 1:* r'] },
])('%j passes', (hostConfig) => {
  expect(create({}, hostConfig)).toEqual([])
})

it('volumes of every kind are fine', () => {
  const hostConfig = { Binds: ['name:/data', '/alone'], VolumesFrom: ['x:ro'], VolumeDriver: 'local' }
  expect(create({ Volumes: { '/data': {} } }, hostConfig)).toEqual([])
})

it('the source of a mount must be there', () => {
  expect(create({}, { Mounts: [{ Type: 'bind', Source: '/there', Target: '/b' }] })).toEqual([])
})

it('extra hosts have addresses of both families', () => {
  expect(create({}, { ExtraHosts: ['a:10.0.0.1', 'b:fe80::1', 'c:host-gateway'] })).toEqual([])
})

it('what the daemon can not give is warned of', () => {
  expect(create({}, { Privileged: true })).toEqual([
    'The daemon itself does not have CAP_SYS_RESOURCE: the container runs without.',
  ])
  expect(create({}, { OomScoreAdj: -5 })).toEqual([
    'The daemon does not have CAP_SYS_RESOURCE: the OOM score adjustment is 0.',
  ])
})

it('a profile is warned of where there is no AppArmor', () => {
  expect(create({}, { SecurityOpt: ['apparmor=mine'] })).toEqual([
    'Your kernel does not support AppArmor. Profile mine discarded.',
  ])
  expect(create({}, { SecurityOpt: ['apparmor=unconfined'] })).toEqual([])
})

it('published ports on the host network are warned of', () => {
  expect(create({}, { NetworkMode: 'host', PortBindings: { '80/tcp': [] } })).toEqual([
    'Published ports are discarded when using host network mode',
  ])
})
