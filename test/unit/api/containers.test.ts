/** The list of containers, its filters, and all that is said about one. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { describe, expect, test as it } from 'vitest'
import { createServer } from '../../../src/api/server.ts'
import type { Image } from '../../../src/images/port.ts'
import { daemon, type EngineParts, engineWith, now, serverFor, viewOf } from './parts.ts'

const id = (digit: string) => digit.repeat(64)
const imageId = `sha256:${id('1')}`
const image: Image = {
  id: imageId,
  config: {},
  tags: ['busybox:latest'],
  diffIds: [],
  layers: ['base', 'top'],
  size: 1000,
  createdAt: now,
  architecture: 'amd64',
  os: 'linux',
  author: '',
  comment: '',
  dockerVersion: '',
  history: [],
}
const names = ['busybox', 'busybox:latest', imageId]
const withImage: EngineParts = { images: { find: (ref) => (names.includes(ref) ? image : undefined) } }

const views = [
  viewOf({ id: id('d'), name: 'dead', status: 'exited', state: { exitCode: 3 } }),
  viewOf({ id: id('c'), name: 'calm', status: 'paused', hostConfig: { NetworkMode: 'host' } }),
  viewOf({
    id: id('b'),
    name: 'busy',
    config: { Labels: { tier: 'front' }, ExposedPorts: { '80/tcp': {} } },
  }),
  viewOf({ id: id('a'), name: 'able', status: 'created', hostConfig: { Binds: ['/srv:/data:ro'] } }),
]
const app = serverFor(engineWith(views, withImage))

async function list(query: Record<string, string>): Promise<string[]> {
  const reply = await app.inject({ url: '/containers/json', query })
  expect(reply.json()).toBeInstanceOf(Array)
  return reply.json().map(({ Names }: { Names: string[] }) => Names.join())
}

const filtered = (filters: object, rest: Record<string, string> = { all: '1' }) =>
  list({ ...rest, filters: JSON.stringify(filters) })

describe('the list', () => {
  it('shows what runs, or everything, or the newest so many', async () => {
    expect(await list({})).toEqual(['/calm', '/busy'])
    expect(await list({ all: 'True' })).toEqual(['/dead', '/calm', '/busy', '/able'])
    expect(await list({ limit: '1' })).toEqual(['/dead'])
    expect(await list({ limit: '-1', all: '' })).toEqual(['/calm', '/busy'])
  })

  it.each([
    [{ name: ['b'] }, ['/busy', '/able']],
    [{ name: { '^/busy$': true } }, ['/busy']],
    [{ name: ['^busy$'] }, ['/busy']],
    [{ id: ['^ccc'] }, ['/calm']],
    [{ label: ['tier'] }, ['/busy']],
    [{ label: ['tier=back'] }, []],
    [{ status: ['exited', 'created'] }, ['/dead', '/able']],
    [{ exited: ['3'] }, ['/dead']],
    [{ exited: ['0'] }, []],
    [{ ancestor: ['busybox'] }, ['/dead', '/calm', '/busy', '/able']],
    [{ ancestor: ['nosuch'] }, []],
    [{ before: ['calm'] }, ['/busy', '/able']],
    [{ since: ['busy'] }, ['/dead', '/calm']],
    [{ since: ['able'], before: ['dead'] }, ['/calm', '/busy']],
    [{ network: ['host'] }, ['/calm']],
    [{ volume: ['/data'] }, ['/able']],
    [{ expose: ['80'] }, ['/busy']],
    [{ expose: ['70-80/tcp'] }, ['/busy']],
    [{ publish: ['80'] }, []],
    [{ health: ['healthy'] }, []],
    [{ health: ['none'], status: ['created'] }, ['/able']],
    [{ 'is-task': ['true'] }, []],
    [{ 'is-task': ['false'], name: ['busy'] }, ['/busy']],
  ])('filtered by %j shows %j', async (filters, expected) => {
    expect(await filtered(filters)).toEqual(expected)
  })

  it('shows also what does not run when a status or an exit code is asked for', async () => {
    expect(await filtered({ status: ['exited'] }, {})).toEqual(['/dead'])
    expect(await filtered({ exited: ['3'] }, {})).toEqual(['/dead'])
  })

  it.each([
    [{ status: ['x'] }, 400, "Invalid filter 'status=x'"],
    [{ health: ['x'] }, 400, 'Unrecognised filter value for health: x'],
    [{ exited: ['x'] }, 400, "Invalid filter 'exited=x'"],
    [{ 'is-task': ['x'] }, 400, "Invalid filter 'is-task=[x]'"],
    [{ foo: ['x'] }, 400, "Invalid filter 'foo'"],
    [{ before: ['x'] }, 404, 'No such container: x'],
  ])('filtered by %j is refused', async (filters, status, message) => {
    const reply = await app.inject({ url: '/containers/json', query: { filters: JSON.stringify(filters) } })
    expect([reply.statusCode, reply.json()]).toEqual([status, { message }])
  })

  it('has Docker’s shape', async () => {
    const view = viewOf({
      config: { Cmd: ['sh', '-c', 'echo a'], Labels: { x: 'y' } },
      hostConfig: { Binds: ['/tmp:/mnt:ro'] },
    })
    const reply = await serverFor(engineWith([view], withImage)).inject('/containers/json')
    expect(reply.json()).toEqual([
      {
        Id: view.id,
        Names: ['/one'],
        Image: 'busybox',
        ImageID: imageId,
        Command: "sh -c 'echo a'",
        Created: Date.parse('2026-11-24T11:59:00Z') / 1000,
        Ports: [],
        Labels: { x: 'y' },
        State: 'running',
        Status: 'Up 30 seconds',
        HostConfig: { NetworkMode: 'none' },
        NetworkSettings: { Networks: { none: expect.objectContaining({ IPAddress: '', EndpointID: '' }) } },
        Mounts: [
          {
            Type: 'bind',
            Source: '/tmp',
            Destination: '/mnt',
            Mode: 'ro',
            RW: false,
            Propagation: 'rprivate',
          },
        ],
      },
    ])
  })

  it('names the image by its id once the name points elsewhere', async () => {
    const find = () => ({ ...image, id: `sha256:${id('2')}` })
    const reply = await serverFor(engineWith([viewOf({})], { images: { find } })).inject('/containers/json')
    expect(reply.json()[0].Image).toBe(imageId)
  })
})

describe('inspect', () => {
  it('tells the state in Docker’s words', async () => {
    const state = { exitCode: 127, error: 'no such program' }
    const view = viewOf({ status: 'created', state })
    const { State } = (await serverFor(engineWith([view])).inject('/containers/one/json')).json()
    expect(State).toEqual({
      Status: 'created',
      Running: false,
      Paused: false,
      Restarting: false,
      OOMKilled: false,
      Dead: false,
      Pid: 0,
      ExitCode: 127,
      Error: 'no such program',
      StartedAt: '0001-01-01T00:00:00Z',
      FinishedAt: '0001-01-01T00:00:00Z',
    })
  })

  it('names the layers as overlayfs takes them: the init layer above the image’s, the newest first', async () => {
    const { GraphDriver } = (await app.inject('/containers/busy/json')).json()
    const overlay = `${daemon.roots.dataRoot}/overlay2`
    expect(GraphDriver.Data).toEqual({
      LowerDir: `${overlay}/${id('b')}-init/diff:${overlay}/top/diff:${overlay}/base/diff`,
      MergedDir: `${overlay}/${id('b')}/merged`,
      UpperDir: `${overlay}/${id('b')}/diff`,
      WorkDir: `${overlay}/${id('b')}/work`,
    })
  })

  it('has the program apart from its arguments', async () => {
    const view = viewOf({ config: { Entrypoint: ['sh', '-c'], Cmd: ['echo a'] } })
    const reply = (await serverFor(engineWith([view])).inject('/containers/one/json')).json()
    expect([reply.Path, reply.Args]).toEqual(['sh', ['-c', 'echo a']])
  })

  it('shows mounts of every kind, but not --tmpfs, as Docker does', async () => {
    const view = viewOf({
      hostConfig: {
        Binds: ['/a:/b:rslave'],
        Mounts: [
          { Type: 'tmpfs', Target: '/x' },
          { Type: 'bind', Source: '/etc', Target: '/e', ReadOnly: true },
        ],
        Tmpfs: { '/t': '' },
      },
    })
    const { Mounts } = (await serverFor(engineWith([view])).inject('/containers/one/json')).json()
    expect(Mounts).toEqual([
      { Type: 'bind', Source: '/a', Destination: '/b', Mode: 'rslave', RW: true, Propagation: 'rslave' },
      { Type: 'tmpfs', Source: '', Destination: '/x', Mode: '', RW: true, Propagation: '' },
      { Type: 'bind', Source: '/etc', Destination: '/e', Mode: '', RW: false, Propagation: 'rprivate' },
    ])
  })

  it('keeps what the client asked for in fields that the engine does not act on', async () => {
    const hostConfig = { ...viewOf({}).context.spec?.hostConfig, ConsoleSize: [24, 80] }
    const view = viewOf({ hostConfig })
    const { HostConfig } = (await serverFor(engineWith([view])).inject('/containers/one/json')).json()
    expect(HostConfig).toMatchObject({
      ConsoleSize: [24, 80],
      CgroupnsMode: 'host',
      IpcMode: 'private',
      Devices: [],
    })
    for (const name of ['Mounts', 'Tmpfs', 'Sysctls', 'Init']) expect(HostConfig).not.toHaveProperty(name)
  })

  it.each([
    [0, null],
    [-1, null],
    [5, 5],
  ])('shows a limit of %d processes as %j', async (PidsLimit, shown) => {
    const view = viewOf({ hostConfig: { PidsLimit } })
    const { HostConfig } = (await serverFor(engineWith([view])).inject('/containers/one/json')).json()
    expect(HostConfig.PidsLimit).toBe(shown)
  })

  it('counts sizes only when asked', async () => {
    const dataRoot = await mkdtemp(join(tmpdir(), 'tally-size-'))
    const diff = join(dataRoot, 'overlay2', id('b'), 'diff')
    await mkdir(diff, { recursive: true })
    await writeFile(join(diff, 'file'), 'x'.repeat(234))
    const engine = engineWith(views, withImage)
    const own = { ...daemon, roots: { ...daemon.roots, dataRoot } }
    const sized = createServer({ engine, daemon: own, logger: pino({ level: 'silent' }) })
    const small = (await sized.inject('/containers/busy/json')).json()
    const big = (await sized.inject('/containers/busy/json?size=1')).json()
    await rm(dataRoot, { recursive: true })
    expect(small).not.toHaveProperty('SizeRw')
    expect(big).toMatchObject({ SizeRw: 234, SizeRootFs: 1234 })
  })

  it('of an unknown container is a 404', async () => {
    const reply = await app.inject('/containers/nope/json')
    expect([reply.statusCode, reply.json()]).toEqual([404, { message: 'No such container: nope' }])
  })
})
