/** What every request meets, whatever its route. */

import { createConnection } from 'node:net'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test as it } from 'vitest'
import type { Origin } from '../../../src/origin.ts'
import { engineOf, engineWith, serverFor, viewOf } from './parts.ts'
import { listen } from './raw-client.ts'

const app = serverFor(engineWith([viewOf({})]))

describe('versions', () => {
  it.each(['/containers/json', '/v1.24/containers/json', '/v1.41/containers/json'])(
    '%s is served',
    async (url) => {
      const reply = await app.inject(url)
      expect(reply.statusCode).toBe(200)
      expect(reply.headers).toMatchObject({
        'api-version': '1.41',
        'docker-experimental': 'false',
        ostype: 'linux',
        server: 'Tallyman/0.1.0 (linux)',
      })
    },
  )

  it('too new a version is refused with JSON', async () => {
    const reply = await app.inject('/v1.99/containers/json')
    expect(reply.statusCode).toBe(400)
    expect(reply.json()).toEqual({
      message: 'client version 1.99 is too new. Maximum supported API version is 1.41',
    })
  })

  it('too old a version is refused with text, which old clients show as it is', async () => {
    const reply = await app.inject('/v1.11/containers/json')
    expect(reply.statusCode).toBe(400)
    expect(reply.headers['content-type']).toMatch(/^text\/plain/)
    expect(reply.body).toMatch(/^client version 1\.11 is too old\. Minimum supported API version is 1\.24, /)
  })
})

describe('ping', () => {
  it('answers OK and is not to be cached', async () => {
    const reply = await app.inject('/_ping')
    expect(reply.body).toBe('OK')
    expect(reply.headers).toMatchObject({
      pragma: 'no-cache',
      'cache-control': 'no-cache, no-store, must-revalidate',
    })
  })

  it('answers HEAD without a body', async () => {
    const reply = await app.inject({ method: 'HEAD', url: '/_ping' })
    expect([reply.statusCode, reply.headers['content-length'], reply.body]).toEqual([200, '0', ''])
  })
})

describe('paths', () => {
  it.each([
    ['GET', '/nope'],
    ['GET', '/v1.41/nope'],
    ['PUT', '/containers/json'],
  ] as const)('%s %s is no page', async (method, url) => {
    const reply = await app.inject({ method, url })
    expect(reply.statusCode).toBe(404)
    expect(reply.json()).toEqual({ message: 'page not found' })
  })

  it.each([
    ['//containers//json', '/containers/json'],
    ['/v1.41/containers//json?all=1&x=//', '/v1.41/containers/json?all=1&x=//'],
    ['//evil.example/x', '/evil.example/x'],
  ])('%s moves to %s', async (url, location) => {
    const reply = await app.inject({ method: 'GET', url: `http://d${url}` })
    expect([reply.statusCode, reply.headers.location]).toEqual([301, location])
  })

  it('with a broken escape are refused', async () => {
    const reply = await app.inject('/containers/%zz/json')
    expect(reply.statusCode).toBe(400)
    expect(reply.json()).toEqual({ message: expect.any(String) })
  })

  it('may name things longer than a hundred characters', async () => {
    const reply = await app.inject(`/containers/${'x'.repeat(300)}/json`)
    expect(reply.json()).toEqual({ message: `No such container: ${'x'.repeat(300)}` })
  })
})

describe('browsers', () => {
  it.each([{ origin: 'http://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }])(
    'with %j are turned away',
    async (headers) => {
      const reply = await app.inject({ method: 'POST', url: '/containers/one/start', headers })
      expect(reply.statusCode).toBe(403)
    },
  )

  it('are let through where a route is made for them', async () => {
    const own = serverFor(engineOf({}))
    own.get('/ui', { config: { browser: true } }, async () => 'page')
    expect((await own.inject({ url: '/ui', headers: { origin: 'http://localhost' } })).body).toBe('page')
  })
})

describe('errors', () => {
  it('that nobody foresaw are logged once and answered without their details', async () => {
    const log = new PassThrough()
    const list = () => {
      throw new Error('secret detail')
    }
    const reply = await serverFor(engineOf({ list }), log).inject('/containers/json')
    expect(reply.statusCode).toBe(500)
    expect(reply.json().message).not.toContain('secret')
    const lines: unknown[] = log
      .read()
      .toString()
      .trim()
      .split('\n')
      .map((line: string) => JSON.parse(line))
    expect(lines.filter((line) => JSON.stringify(line).includes('secret detail'))).toHaveLength(1)
  })
})

describe('bodies', () => {
  it('that are not JSON are refused where JSON is needed, in Docker’s words', async () => {
    const headers = { 'content-type': 'text/plain' }
    const reply = await app.inject({ method: 'POST', url: '/containers/create', headers, payload: '{}' })
    expect(reply.statusCode).toBe(400)
    expect(reply.json().message).toBe("Content-Type specified (text/plain) must be 'application/json'")
  })

  it('of JSON are read whole only up to a limit', async () => {
    const payload = { Image: 'x'.repeat(5 * 1024 * 1024) }
    const reply = await app.inject({ method: 'POST', url: '/containers/create', payload })
    expect(reply.statusCode).toBe(413)
    expect(reply.json()).toEqual({ message: expect.any(String) })
  })

  it.each(['application/x-tar', 'text/plain', 'application/octet-stream', undefined])(
    'of type %s are streams of any length',
    async (contentType) => {
      const own = serverFor(engineOf({}))
      own.post('/count', async ({ body }) => {
        let bytes = 0
        for await (const chunk of body as AsyncIterable<Buffer>) bytes += chunk.length
        return { bytes }
      })
      await using server = await listen(own)
      const socket = createConnection(server.path)
      const type = contentType === undefined ? '' : `Content-Type: ${contentType}\r\n`
      socket.write(`POST /count HTTP/1.1\r\nHost: d\r\n${type}Transfer-Encoding: chunked\r\n\r\n`)
      const megabyte = Buffer.alloc(1024 * 1024)
      for (let sent = 0; sent < 8; sent++) {
        socket.write('100000\r\n')
        socket.write(megabyte)
        socket.write('\r\n')
      }
      socket.write('0\r\n\r\n')
      const answer: string = await new Promise((resolve) =>
        socket.once('data', (data) => resolve(String(data))),
      )
      socket.destroy()
      expect(answer).toContain('{"bytes":8388608}')
    },
  )

  it('can’t bring a prototype', async () => {
    const own = serverFor(engineOf({}))
    own.post('/echo', async ({ body }) => ({ polluted: Object.getPrototypeOf(body) !== Object.prototype }))
    const headers = { 'content-type': 'application/json; charset=utf-8' }
    const payload = '{"a":1,"__proto__":{"admin":true}}'
    const reply = await own.inject({ method: 'POST', url: '/echo', headers, payload })
    expect(reply.json()).toEqual({ polluted: false })
  })
})

describe('the origin of a request', () => {
  it('is its id, its line and who holds the other end of the socket', async () => {
    const origins: Origin[] = []
    const own = serverFor(engineOf({ start: async (_ref, origin) => void origins.push(origin) }))
    await using server = await listen(own)
    const client = await server.client()
    client.send('POST /v1.41/containers/x/start HTTP/1.1', 'Host: d', 'Content-Length: 0', '', '')
    await client.sees('204')
    client.send('POST /containers/y/start HTTP/1.1', 'Host: d', 'Content-Length: 0', '', '')
    while (origins.length < 2) await sleep(5)
    const peer = { uid: process.getuid?.(), pid: process.pid }
    expect(origins[0]).toEqual({
      requestId: expect.any(String),
      request: 'POST /v1.41/containers/x/start',
      ...peer,
    })
    expect(origins[1]).toMatchObject({ request: 'POST /containers/y/start', ...peer })
    expect(origins[1]?.requestId).not.toBe(origins[0]?.requestId)
  })
})
