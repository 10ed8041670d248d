import { describe, expect, it } from 'vitest'
import type { Engine } from '../../../src/engine/port.ts'
import type { MessageRow } from '../../../src/store/port.ts'
import { engineOf, serverFor } from './parts.ts'

const row = (change: Partial<MessageRow>): MessageRow => ({
  position: 1,
  ordinal: 0,
  timeNano: 1795503095479811734n,
  type: 'container',
  action: 'start',
  actorId: 'abc123',
  attributes: { image: 'busybox:latest', name: 'web', tier: 'front' },
  ...change,
})

const rows: readonly MessageRow[] = [
  row({ action: 'create' }),
  row({ action: 'exec_create: sh' }),
  row({ action: 'die', attributes: { image: 'alpine', name: 'db', exitCode: '137' }, actorId: 'def456' }),
  row({ type: 'image', action: 'tag', actorId: 'sha256:1', attributes: { name: 'busybox:latest' } }),
]

type Range = Parameters<Engine['messages']>[0]

async function events(query: Record<string, string> = {}, messages = rows) {
  const ranges: Range[] = []
  const app = serverFor(
    engineOf({
      async *messages(range) {
        ranges.push(range)
        yield* messages
      },
    }),
  )
  const answer = await app.inject({ url: '/v1.41/events', query })
  return { answer, ranges, lines: answer.body.split('\n').slice(0, -1) }
}

const filtered = async (filters: object) =>
  (await events({ filters: JSON.stringify(filters) })).lines.map((line) => JSON.parse(line).Action)

describe('GET /events', () => {
  it('writes a container message with the old fields too, the nanoseconds exact', async () => {
    const { answer, lines } = await events({}, [row({})])
    expect(answer.headers['content-type']).toBe('application/json')
    expect(lines).toEqual([
      '{"status":"start","id":"abc123","from":"busybox:latest","Type":"container","Action":"start","Actor":{"ID":"abc123",' +
        '"Attributes":{"image":"busybox:latest","name":"web","tier":"front"}},"scope":"local","time":1795503095,"timeNano":1795503095479811734}',
    ])
  })

  it('writes an image message without "from", another one without old fields', async () => {
    const { lines } = await events({}, [row({ type: 'image' }), row({ type: 'daemon' })])
    const old = lines.map((line) => JSON.parse(line)).map(({ status, id, from }) => ({ status, id, from }))
    expect(old).toEqual([{ status: 'start', id: 'abc123' }, {}])
  })

  it.each([
    [{}, {}],
    [{ since: '1.5' }, { since: 1_500_000_000n }],
    [
      { since: '0', until: '1795503095.000000001' },
      { since: 0n, until: 1795503095_000000001n },
    ],
    [{ until: '5' }, { since: 0n, until: 5_000_000_000n }],
    [{ since: '-5' }, { since: -5_000_000_000n }],
    [{ since: '1970-01-01T00:00:01.25Z' }, { since: 1_250_000_000n }],
  ])('reads the range %j', async (query, range) => {
    expect((await events(query)).ranges).toEqual([range])
  })

  it.each([
    [{ since: '2', until: '1' }, '`since` time (2) cannot be after `until` time (1)'],
    [{ since: '1h' }, 'invalid value for since: "1h" is not a time'],
    [{ filters: '{"color":["red"]}' }, "Invalid filter 'color'"],
  ])('refuses %j', async (query, message) => {
    const { answer, ranges } = await events(query)
    expect([answer.statusCode, answer.json(), ranges]).toEqual([400, { message }, []])
  })

  it.each([
    [{ type: ['image'] }, ['tag']],
    [{ event: ['create', 'die'] }, ['create', 'die']],
    [{ event: { exec_create: true } }, ['exec_create: sh']],
    [{ container: ['db'] }, ['die']],
    [{ container: ['abc'] }, ['create', 'exec_create: sh']],
    [{ container: ['abc'], event: ['create'] }, ['create']],
    [{ image: ['busybox'] }, ['create', 'exec_create: sh', 'tag']],
    [{ image: ['alpine'] }, ['die']],
    [{ label: ['tier=front'] }, ['create', 'exec_create: sh']],
    [{ label: ['tier', 'exitCode'] }, []],
    [{ id: ['def'] }, ['die']],
    [{ scope: ['swarm'] }, []],
    [{ network: ['web'] }, []],
  ])('filters by %j', async (filters, actions) => {
    expect(await filtered(filters)).toEqual(actions)
  })
})
