import { describe, expect, test as it } from 'vitest'
import type { Engine } from '../../../src/engine/port.ts'
import type { Usage } from '../../../src/engine/usage.ts'
import { engineWith, serverFor, viewOf } from './parts.ts'

const usage = (second: number): Usage => ({
  cgroup: 'v1',
  readAt: `2026-11-24T12:00:0${second}Z`,
  pids: { current: 1, limit: null },
  cpu: { total: second, user: 0, system: 0, perCpu: [], periods: 0, throttledPeriods: 0, throttledTime: 0 },
  memory: { usage: 1, limit: null, maxUsage: 1, failures: 0, stat: {} },
  blkio: { serviceBytes: [], serviced: [] },
  processors: { total: 10 * second, online: 1 },
})

async function* readings(...all: readonly (Usage | undefined)[]) {
  yield* all
}

const serving = (parts: Partial<Engine>) =>
  serverFor(engineWith([viewOf({}), viewOf({ id: 'b'.repeat(64), name: 'old', status: 'exited' })], parts))

const ask = async (url: string, parts: Partial<Engine> = {}) => serving(parts).inject(url)

const times = (body: string) =>
  body
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((text) => JSON.parse(text))
    .map(({ preread, read }) => [preread, read])

const never = '0001-01-01T00:00:00Z'

describe('GET stats', () => {
  const followUsage = () => readings(usage(1), usage(2), undefined)

  it('is a line each second, with the one before it', async () => {
    const reply = await ask('/containers/one/stats', { followUsage })
    expect(reply.statusCode).toBe(200)
    expect(times(reply.body)).toEqual([
      [never, usage(1).readAt],
      [usage(1).readAt, usage(2).readAt],
      [usage(2).readAt, never],
    ])
  })

  it.each(['stream=0', 'stream=false', 'stream='])('with %s is the second reading only', async (query) => {
    const reply = await ask(`/containers/one/stats?${query}`, { followUsage })
    expect(times(reply.body)).toEqual([[usage(1).readAt, usage(2).readAt]])
    expect(reply.headers['content-type']).toBe('application/json')
  })

  it('of one reading only has none before it', async () => {
    const reply = await ask('/containers/one/stats?stream=0&one-shot=1', { usage: async () => usage(3) })
    expect(times(reply.body)).toEqual([[never, usage(3).readAt]])
  })

  it('of a container that does not run are zeros at once, unless they are followed', async () => {
    const reply = await ask('/containers/old/stats?stream=0')
    expect(reply.json()).toMatchObject({ read: never, name: '/old', memory_stats: {} })
    const followed = await ask('/containers/old/stats', { followUsage: () => readings(undefined) })
    expect(times(followed.body)).toEqual([[never, never]])
  })

  it.each([
    ['/containers/gone/stats', 404, 'No such container: gone'],
    ['/containers/one/stats?one-shot=1', 400, 'cannot have stream=true and one-shot=true'],
  ])('%s is refused', async (url, status, message) => {
    const reply = await ask(url)
    expect([reply.statusCode, reply.json()]).toEqual([status, { message }])
  })
})
