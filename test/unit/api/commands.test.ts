/** What the API makes of commands, and how their errors come back. */
import { readFile } from 'node:fs/promises'
import { describe, expect, test as it } from 'vitest'
import type { CreateRequest } from '../../../src/engine/port.ts'
import { conflict, notModified, TallyError } from '../../../src/errors.ts'
import { engineOf, engineWith, serverFor, viewOf } from './parts.ts'

async function created(
  payload: unknown,
  name = '',
): Promise<CreateRequest | { message: string; status: number }> {
  const requests: CreateRequest[] = []
  const create = async (request: CreateRequest) => {
    requests.push(request)
    return { id: 'abc', warnings: ['mind the gap'] }
  }
  const headers = { 'content-type': 'application/json' }
  const url = `/v1.41/containers/create${name && `?name=${name}`}`
  const reply = await serverFor(engineOf({ create })).inject({
    method: 'POST',
    url,
    headers,
    payload: JSON.stringify(payload),
  })
  const [request] = requests
  if (request === undefined) return { ...reply.json(), status: reply.statusCode }
  expect([reply.statusCode, reply.json()]).toEqual([201, { Id: 'abc', Warnings: ['mind the gap'] }])
  return request
}

const fixture = async (client: string) =>
  JSON.parse(await readFile(new URL(`../../fixtures/create/${client}.json`, import.meta.url), 'utf8'))

describe('create', () => {
  it.each(['docker-cli-28', 'docker-py-7', 'dockerode-5'])('takes the whole body of %s', async (client) => {
    expect(await created(await fixture(client), 'web')).toMatchObject({
      name: 'web',
      config: { Image: 'busybox', Cmd: ['sleep', '1'] },
      hostConfig: { NetworkMode: 'none' },
    })
  })

  it('takes null for what is not asked for, and one string for one word', async () => {
    const body = { Image: 'busybox', Cmd: 'ls', Env: null, Tty: null, HostConfig: { Binds: null, Memory: 5 } }
    expect(await created(body)).toEqual({
      config: { Image: 'busybox', Cmd: ['ls'] },
      hostConfig: { Memory: 5 },
    })
  })

  it('hands on fields that the engine may have to refuse', async () => {
    const body = {
      Image: 'busybox',
      Healthcheck: { Test: ['NONE'] },
      HostConfig: { PidMode: 'host', Links: ['a:b'] },
    }
    expect(await created(body)).toMatchObject({
      config: { Healthcheck: { Test: ['NONE'] } },
      hostConfig: { PidMode: 'host', Links: ['a:b'] },
    })
  })

  it.each([
    [{}, 400, 'Config cannot be empty in order to create a container'],
    [null, 400, 'Config cannot be empty in order to create a container'],
    [{ HostConfig: {} }, 400, 'Config cannot be empty in order to create a container'],
    [{ Image: 5 }, 400, 'invalid body: Image must be string'],
    [{ Image: 'x', HostConfig: { Memory: 'big' } }, 400, 'invalid body: HostConfig.Memory must be integer'],
    [[], 400, 'invalid body: must be object'],
    [
      { Image: 'x', NetworkingConfig: { EndpointsConfig: { web: {} } } },
      501,
      'network web: only none and host are supported yet',
    ],
  ])('refuses %j', async (body, status, message) => {
    expect(await created(body)).toEqual({ status, message })
  })

  it('takes the endpoint of its own network mode, as the CLI sends it', async () => {
    const NetworkingConfig = { EndpointsConfig: { default: { Links: null } } }
    const body = { Image: 'x', HostConfig: { NetworkMode: 'none' }, NetworkingConfig }
    expect(await created(body)).toMatchObject({ config: { Image: 'x' } })
  })

  it('refuses what is no JSON', async () => {
    const headers = { 'content-type': 'application/json' }
    const reply = await serverFor(engineOf({})).inject({
      method: 'POST',
      url: '/containers/create',
      headers,
      payload: '{"Image"',
    })
    expect([reply.statusCode, reply.json().message]).toEqual([400, expect.stringMatching(/^invalid JSON: /)])
  })
})

describe('a command', () => {
  const calls: unknown[] = []
  const note =
    (name: string) =>
    async (...given: unknown[]) =>
      void calls.push([name, ...given.slice(0, -1)])
  const app = serverFor(
    engineOf({
      start: note('start'),
      stop: note('stop'),
      restart: note('restart'),
      kill: note('kill'),
      rename: note('rename'),
      remove: note('remove'),
    }),
  )

  it.each([
    ['POST', '/containers/x/start?detachKeys=ctrl-a', ['start', 'x']],
    ['POST', '/containers/x/stop', ['stop', 'x', {}]],
    ['POST', '/containers/x/stop?t=', ['stop', 'x', {}]],
    ['POST', '/containers/x/stop?t=-1&signal=INT', ['stop', 'x', { timeoutSeconds: -1, signal: 'INT' }]],
    ['POST', '/containers/x/restart?t=0', ['restart', 'x', { timeoutSeconds: 0 }]],
    ['POST', '/containers/x/kill', ['kill', 'x', '']],
    ['POST', '/containers/x/kill?signal=9', ['kill', 'x', '9']],
    ['POST', '/containers/x/rename?name=y', ['rename', 'x', 'y']],
    ['DELETE', '/containers/x', ['remove', 'x', { force: false, volumes: false }]],
    ['DELETE', '/containers/x?force=1&v=True', ['remove', 'x', { force: true, volumes: true }]],
    ['DELETE', '/containers/x?force=0&v=', ['remove', 'x', { force: false, volumes: false }]],
  ] as const)('%s %s reaches the engine', async (method, url, call) => {
    const reply = await app.inject({ method, url })
    expect([reply.statusCode, reply.body]).toEqual([204, ''])
    expect(calls.pop()).toEqual(call)
  })

  it.each(['null', '', '{}'])('start takes the body %j', async (payload) => {
    const headers = { 'content-type': 'application/json' }
    const reply = await app.inject({ method: 'POST', url: '/containers/x/start', headers, payload })
    expect(reply.statusCode).toBe(204)
  })

  it.each([
    ['/containers/x/start', '{"Binds":[]}', 'starting container with non-empty request body was deprecated'],
    ['/containers/x/stop?t=soon', '{}', 'invalid value for t: "soon" is not a number'],
  ])('%s with %s is refused', async (url, payload, message) => {
    const headers = { 'content-type': 'application/json' }
    const reply = await app.inject({ method: 'POST', url, headers, payload })
    expect([reply.statusCode, reply.json().message]).toEqual([400, expect.stringContaining(message)])
  })

  it.each([
    [notModified(), 304, ''],
    [conflict('in use'), 409, '{"message":"in use"}'],
    [new TallyError('internal', 'runc said no'), 500, '{"message":"runc said no"}'],
  ])('that fails with %s answers %d', async (error, status, body) => {
    const start = () => Promise.reject(error)
    const reply = await serverFor(engineOf({ start })).inject({ method: 'POST', url: '/containers/x/start' })
    expect([reply.statusCode, reply.body]).toEqual([status, body])
  })
})

describe('what is left for later', () => {
  const app = serverFor(engineWith([viewOf({})]))

  it.each([
    ['HEAD', '/containers/one/archive', 400],
    ['POST', '/build', 501],
    ['POST', '/networks/create', 501],
    ['GET', '/distribution/library/busybox/json', 501],
    ['POST', '/swarm/init', 501],
    ['POST', '/swarm/leave?force=true', 503],
    ['GET', '/nodes', 503],
    ['GET', '/plugins/buildx/json', 404],
    ['GET', '/plugins/a/b:c/json', 404],
    ['DELETE', '/networks/none', 403],
    ['GET', '/networks/web', 404],
    ['GET', '/plugins', 200],
  ] as const)('%s %s answers %d', async (method, url, status) => {
    const reply = await app.inject({ method, url })
    expect(reply.statusCode).toBe(status)
  })

  it('is named in the answer', async () => {
    const reply = await app.inject({ method: 'POST', url: '/build' })
    expect(reply.json()).toEqual({ message: 'not supported yet: building images' })
  })

  it('still says what there is: the two networks', async () => {
    const networks: { Name: string }[] = (await app.inject('/networks')).json()
    expect(networks.map(({ Name }) => Name)).toEqual(['none', 'host'])
  })

  it('lets a network be found by name and by the beginning of its id, with who is on it', async () => {
    const byName = (await app.inject('/networks/none')).json()
    expect(Object.keys(byName.Containers)).toEqual([viewOf({}).id])
    expect((await app.inject(`/networks/${byName.Id.slice(0, 12)}`)).json()).toEqual(byName)
  })

  it.each([
    [{ name: ['none'] }, ['none']],
    [{ driver: ['host'] }, ['host']],
    [{ type: ['custom'] }, []],
    [{ dangling: ['true'] }, []],
  ])('lists networks by %j', async (filters, expected) => {
    const reply = await app.inject({ url: '/networks', query: { filters: JSON.stringify(filters) } })
    expect(reply.json().map(({ Name }: { Name: string }) => Name)).toEqual(expected)
  })
})
