import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Engine, WaitResult } from '../../../src/engine/port.ts'
import { noSuchContainer } from '../../../src/errors.ts'
import { logPath, type Roots } from '../../../src/paths.ts'
import { type EngineParts, viewOf } from './parts.ts'
import { serverBelow } from './server-under-test.ts'

const containerId = 'c0ffee'.padEnd(64, '0')
const container = (parts: Parameters<typeof viewOf>[0] = {}) =>
  viewOf({ id: containerId, name: 'web', ...parts })

let roots: Roots
let path: string
let app: FastifyInstance | undefined

beforeEach(() => {
  const dataRoot = mkdtempSync(join(tmpdir(), 'tallyman-api-'))
  roots = { dataRoot, execRoot: dataRoot }
  path = logPath(roots, containerId)
  mkdirSync(dirname(path), { recursive: true })
})

afterEach(async () => {
  await app?.close()
  app = undefined
  rmSync(roots.dataRoot, { recursive: true })
})

const record = (log: string, stream = 'stdout', time = '2026-11-24T06:52:29.485614414Z') =>
  `${JSON.stringify({ log, stream, time })}\n`
const three = `${record('err\n', 'stderr')}${record('hi\n')}${record('bye\n', 'stdout', '2026-11-24T06:52:31.5Z')}`

const frame = (stream: number, text: string) =>
  Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)])

async function logs(query: string, view = container()) {
  app = serverBelow(roots, { get: () => view })
  return app.inject(`/v1.41/containers/web/logs?${query}`)
}

describe('GET /containers/{id}/logs', () => {
  it('frames both streams in the order they were written, without a content type, as API 1.41 does', async () => {
    writeFileSync(path, three)
    const answer = await logs('stdout=1&stderr=1')
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toBeUndefined()
    expect(answer.rawPayload).toEqual(Buffer.concat([frame(2, 'err\n'), frame(1, 'hi\n'), frame(1, 'bye\n')]))
  })

  it('is raw for a terminal', async () => {
    writeFileSync(path, record('hi\r\n'))
    const view = container({ config: { Tty: true } })
    expect((await logs('stdout=true', view)).body).toBe('hi\r\n')
  })

  it('puts times with nine decimals before the lines', async () => {
    writeFileSync(path, three)
    const { rawPayload } = await logs('stdout=1&timestamps=1&tail=1')
    expect(rawPayload).toEqual(frame(1, '2026-11-24T06:52:31.500000000Z bye\n'))
  })

  it.each([
    ['stdout=1&stderr=1&tail=2', ['hi', 'bye']],
    ['stdout=1&stderr=1&tail=0', []],
    ['stdout=1&stderr=1&tail=all', ['err', 'hi', 'bye']],
    ['stdout=1&stderr=1&tail=-1', ['err', 'hi', 'bye']],
    ['stdout=1&stderr=1&tail=5x', ['err', 'hi', 'bye']],
    ['stderr=1', ['err']],
    ['stdout=1&since=1795503150', ['bye']],
    ['stdout=1&since=1795503149.485614414', ['hi', 'bye']],
    ['stdout=1&since=1795503149.485614415', ['bye']],
    ['stdout=1&until=1795503150', ['hi']],
    ['stdout=1&until=0', ['hi', 'bye']],
    ['stdout=1&since=2026-11-24T06:52:30Z', ['bye']],
  ])('answers %s with %j', async (query, expected) => {
    writeFileSync(path, three)
    const { rawPayload } = await logs(query)
    expect(rawPayload.toString().match(/[a-z]+/g) ?? []).toEqual(expected)
  })

  it('is empty for a container that never wrote', async () => {
    expect(await logs('stdout=1')).toMatchObject({ statusCode: 200, body: '' })
  })

  it.each(['', 'stdout=0', 'stdout=&stderr=false'])('wants at least one stream: "%s"', async (query) => {
    const answer = await logs(query)
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toEqual({ message: 'Bad parameters: you must choose at least one stream' })
  })

  it('refuses what is no time', async () => {
    expect(await logs('stdout=1&since=soon')).toMatchObject({ statusCode: 400 })
  })

  it('can not read what was not kept', async () => {
    const view = container({ hostConfig: { LogConfig: { Type: 'none', Config: {} } } })
    const answer = await logs('stdout=1', view)
    expect(answer.statusCode).toBe(501)
    expect(answer.json()).toEqual({ message: 'configured logging driver does not support reading' })
  })

  it('answers 404 for a container that is not there', async () => {
    app = serverBelow(roots, {
      get: (ref) => {
        throw noSuchContainer(ref)
      },
    })
    const answer = await app.inject('/containers/zz/logs?stdout=1')
    expect([answer.statusCode, answer.json()]).toEqual([404, { message: 'No such container: zz' }])
  })
})

describe('following', () => {
  /** Real HTTP over a unix socket: when headers and pieces arrive is the point. */
  async function open(part: EngineParts, query: string): Promise<IncomingMessage> {
    app = serverBelow(roots, { get: () => container(), ...part })
    const socketPath = join(roots.dataRoot, 's.sock')
    await app.listen({ path: socketPath })
    return new Promise((resolve, reject) => {
      request({ socketPath, path: `/containers/web/logs?${query}` }, resolve)
        .on('error', reject)
        .end()
    })
  }

  it('sends the head at once, then each line as it is written, and ends with the container', async () => {
    const { promise: result, resolve: exit } = Promise.withResolvers<WaitResult>()
    const answer = await open({ wait: async () => ({ result }) }, 'follow=1&stdout=1')
    const pieces = answer[Symbol.asyncIterator]()
    appendFileSync(path, record('one\n'))
    expect((await pieces.next()).value).toEqual(frame(1, 'one\n'))
    appendFileSync(path, record('two\n'))
    expect((await pieces.next()).value).toEqual(frame(1, 'two\n'))
    appendFileSync(path, record('three\n'))
    exit({ exitCode: 0 })
    expect((await pieces.next()).value).toEqual(frame(1, 'three\n'))
    expect((await pieces.next()).done).toBe(true)
  })

  it('stops waiting for the container when the client goes away', async () => {
    const { promise: gone, resolve } = Promise.withResolvers<void>()
    const wait: Engine['wait'] = async (_ref, _condition, signal) => {
      signal.addEventListener('abort', () => resolve())
      return { result: new Promise(() => {}) }
    }
    const answer = await open({ wait }, 'follow=1&stdout=1')
    answer.on('error', () => {}).destroy()
    await expect(gone).resolves.toBeUndefined()
  })

  it('ends when its time is up, also if nothing is written', async () => {
    const until = (Date.now() + 50) / 1000
    const answer = await open(
      { wait: async () => ({ result: new Promise(() => {}) }) },
      `follow=1&stdout=1&until=${until}`,
    )
    await expect(answer.toArray()).resolves.toEqual([])
  })
})
