/** The routes of volumes: what is asked of the engine and how the answer looks; filters in Docker's meaning. */
import { join } from 'node:path'
import { describe, expect, test as it } from 'vitest'
import type { PruneOptions, Volume, VolumeRequest } from '../../../src/volumes/port.ts'
import { daemon, engineWith, serverFor, viewOf } from './parts.ts'

const volume = (name: string, changes: Partial<Volume> = {}): Volume => ({
  ...{ name, createdAt: '2026-11-24T12:00:00.123456789Z', labels: null, options: null, users: [] },
  ...changes,
})

const all = [
  volume('data', { labels: { tier: 'db', empty: '' }, users: ['a'.repeat(64)] }),
  volume('other', { labels: { tier: 'web' } }),
]

const app = serverFor(engineWith([], { volumes: { list: () => all, get: () => all[0] as Volume } }))

const filtered = async (filters: object) => {
  const reply = await app.inject(`/volumes?filters=${encodeURIComponent(JSON.stringify(filters))}`)
  const { Volumes = [], message } = reply.json()
  return message ?? Volumes.map(({ Name }: { readonly Name: string }) => Name)
}

describe('GET /volumes', () => {
  it('shows a volume as Docker does', async () => {
    const view = {
      CreatedAt: '2026-11-24T12:00:00Z',
      Driver: 'local',
      Labels: { tier: 'db', empty: '' },
      Mountpoint: join(daemon.roots.dataRoot, 'volumes/data/_data'),
      Name: 'data',
      Options: null,
      Scope: 'local',
    }
    const list = (await app.inject('/volumes')).json()
    expect(list.Volumes[0]).toEqual(view)
    expect(list.Warnings).toBe(null)
    expect((await app.inject('/volumes/data')).json()).toEqual(view)
  })

  it.each([
    [{ dangling: ['true'] }, ['other']],
    [{ dangling: { 0: true } }, ['data']],
    [{ dangling: ['true', 'false'] }, ['other']],
    [{ name: ['^d'] }, ['data']],
    [{ label: ['tier=db'] }, ['data']],
    [{ label: ['tier', 'empty'] }, ['data']],
    [{ driver: ['local'] }, ['data', 'other']],
    [{ driver: ['loc'] }, []],
    [{ dangling: ['maybe'] }, "Invalid filter 'dangling=[maybe]'"],
    [{ bogus: ['1'] }, "Invalid filter 'bogus'"],
  ])('with %j gives %j', async (filters, expected) => {
    expect(await filtered(filters)).toEqual(expected)
  })
})

describe('POST /volumes/create', () => {
  const asked: VolumeRequest[] = []
  const create = async (request: VolumeRequest) => {
    asked.push(request)
    return volume(request.name || 'made-up')
  }
  const maker = serverFor(engineWith([], { volumes: { create } }))
  const post = (payload: string) =>
    maker.inject({
      ...{ method: 'POST', url: '/volumes/create', payload },
      headers: { 'content-type': 'application/json' },
    })

  it.each([
    ['{}', { name: '', driver: '', labels: null, options: null }],
    [
      '{"Name":"n","Driver":"local","Labels":{"a":"b"},"DriverOpts":{"type":"none"}}',
      { name: 'n', driver: 'local', labels: { a: 'b' }, options: { type: 'none' } },
    ],
    ['{"Name":null,"Labels":null,"DriverOpts":null}', { name: '', driver: '', labels: null, options: null }],
  ])('of %s asks for %j', async (body, request) => {
    expect((await post(body)).statusCode).toBe(201)
    expect(asked.at(-1)).toEqual(request)
  })

  it('needs a body', async () => {
    const reply = await post('')
    expect([reply.statusCode, reply.json()]).toEqual([400, { message: 'got EOF while reading request body' }])
    expect((await post('{"Name":1}')).statusCode).toBe(400)
  })
})

describe('POST /volumes/prune', () => {
  const prune = async ({ isWanted }: PruneOptions) => ({
    removed: all.filter(isWanted).map(({ name }) => name),
    reclaimed: 7,
  })
  const pruner = serverFor(engineWith([], { volumes: { prune } }))

  it.each([
    [{}, ['data', 'other']],
    [{ label: ['tier=web'] }, ['other']],
    [{ 'label!': ['empty'] }, ['other']],
    [{ 'label!': ['empty', 'tier=web'] }, []],
  ])('with %j removes %j', async (filters, removed) => {
    const url = `/volumes/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`
    const answer = (await pruner.inject({ method: 'POST', url })).json()
    expect(answer).toEqual({ VolumesDeleted: removed, SpaceReclaimed: 7 })
  })
})

it('a container shows its volumes with their names, and is found by them', async () => {
  const view = viewOf({ hostConfig: { Binds: ['data:/data:ro'] } })
  const spec = view.context.spec
  if (spec === null) throw new Error('no spec')
  const mount = { type: 'volume', name: 'data', destination: '/data', mode: 'ro', named: true } as const
  const mounts = [{ ...mount, writable: false }]
  const withVolume = { ...view, context: { ...view.context, spec: { ...spec, mounts } } }
  const server = serverFor(engineWith([withVolume]))
  const shown = (await server.inject('/containers/one/json')).json()
  expect(shown.Mounts).toEqual([
    {
      Type: 'volume',
      Name: 'data',
      Source: join(daemon.roots.dataRoot, 'volumes/data/_data'),
      Destination: '/data',
      Driver: 'local',
      Mode: 'ro',
      RW: false,
      Propagation: '',
    },
  ])
  for (const [wanted, count] of Object.entries({ data: 1, '/data': 1, dat: 0 })) {
    const filters = encodeURIComponent(JSON.stringify({ volume: [wanted] }))
    expect((await server.inject(`/containers/json?filters=${filters}`)).json()).toHaveLength(count)
  }
})
