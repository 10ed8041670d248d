import { statSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test as it } from 'vitest'
import type { Clock } from '../../../src/clock.ts'
import { WrongVersionError } from '../../../src/store/errors.ts'
import { count, openTemporary, temporaryPath } from './temporary-store.ts'

class Undone extends Error {}

function unlessUndone<T>(append: () => readonly T[]): readonly T[] {
  try {
    return append()
  } catch (error) {
    if (error instanceof Undone) return []
    throw error
  }
}

const clock: Clock = { now: () => '2026-11-24T06:32:43.123456789Z', monotonic: () => 42n }

describe('append', () => {
  it('returns what every later reader reads', () => {
    const { events } = openTemporary({ clock, bootId: 'b1' })
    const origin = { requestId: 'r1', request: 'POST /x', uid: 0, pid: 7 }
    const appended = events.append({
      stream: 'container/a',
      expectedVersion: 0,
      events: [{ type: 'Made', text: 'line\nfeed \ud800', gone: undefined }, { type: 'Moved' }],
      origin,
      causationId: 3,
    })
    expect(events.read('container/a')).toEqual(appended)
    expect([...events.readAll()]).toEqual(appended)
    expect(appended[0]).toMatchObject({ position: 1, version: 1, schema: 1, stream: 'container/a' })
    expect(appended[0]?.event).toStrictEqual({ type: 'Made', text: 'line\nfeed \ud800' })
    expect(appended[0]?.meta).toStrictEqual({
      time: '2026-11-24T06:32:43.123456789Z',
      monotonic: '42',
      bootId: 'b1',
      correlationId: 'r1',
      causationId: 3,
      request: 'POST /x',
      uid: 0,
      pid: 7,
    })
  })

  it('refuses a stream that is at another version, and leaves no trace', () => {
    const store = openTemporary()
    count(store, 's', 0, 2)
    for (const wrong of [0, 1, 3]) expect(() => count(store, 's', wrong, 1)).toThrow(WrongVersionError)
    expect(() => count(store, 'new', 1, 1)).toThrow(new WrongVersionError('new', 1, 0))
    expect(store.events.head()).toBe(2)
    count(store, 's', 2, 1)
    expect(store.events.head()).toBe(3)
  })

  it('takes back events and projections when project throws', () => {
    const store = openTemporary()
    const image = { id: 'i', size: 1, createdAt: 't', diffIds: [], layers: [], config: {} }
    const project = () => {
      store.images.put(image)
      throw new Error('no')
    }
    const append = { stream: 's', expectedVersion: 0, events: [{ type: 'Made' }], project }
    expect(() => store.events.append(append)).toThrow('no')
    expect(store.events.head()).toBe(0)
    expect(store.images.list()).toEqual([])
    count(store, 's', 0, 1)
    expect(store.events.read('s')[0]?.position).toBe(1)
  })

  it('refuses to append within an append', () => {
    const store = openTemporary()
    const project = () => count(store, 't', 0, 1)
    const append = { stream: 's', expectedVersion: 0, events: [{ type: 'Made' }], project }
    expect(() => store.events.append(append)).toThrow('within another append')
    expect(store.events.head()).toBe(0)
  })

  it.each(['', 'two words', 'line\nfeed', 'ä'])('refuses %j as a stream or type', (name) => {
    const { events } = openTemporary()
    const made = [{ type: 'Made' }]
    expect(() => events.append({ stream: name, expectedVersion: 0, events: made })).toThrow('CHECK')
    expect(() => events.append({ stream: 's', expectedVersion: 0, events: [{ type: name }] })).toThrow(
      'CHECK',
    )
  })
})

describe('reading', () => {
  it('goes through pages, from any place, up to a limit', () => {
    const store = openTemporary()
    count(store, 's', 0, 600)
    const positions = (options: { after?: number; limit?: number }) =>
      [...store.events.readAll(options)].map(({ position }) => position)
    expect(positions({})).toHaveLength(600)
    expect(positions({ after: 598 })).toEqual([599, 600])
    expect(positions({ after: 10, limit: 300 })).toEqual(Array.from({ length: 300 }, (_, i) => i + 11))
    expect(store.events.read('s', { after: 597 }).map(({ version }) => version)).toEqual([598, 599, 600])
    expect(store.events.read('none')).toEqual([])
  })

  it('sees what is appended while it is consumed', () => {
    const store = openTemporary()
    count(store, 's', 0, 256)
    const iterator = store.events.readAll()[Symbol.iterator]()
    for (let read = 0; read < 256; read++) iterator.next()
    count(store, 's', 256, 1)
    expect(iterator.next().value?.version).toBe(257)
  })

  it('lists the streams of a prefix with their versions', () => {
    const store = openTemporary()
    count(store, 'container/b', 0, 2)
    count(store, 'container/a', 0, 1)
    count(store, 'image/a', 0, 1)
    expect(store.events.streams('container/')).toEqual([
      { stream: 'container/a', version: 1 },
      { stream: 'container/b', version: 2 },
    ])
  })
})

describe('listeners', () => {
  it('hear of commits in order, also when one of them appends', () => {
    const store = openTemporary()
    const heard: number[] = []
    store.events.onAppend(([first]) => {
      if (first?.stream === 'a') count(store, 'b', 0, 1)
    })
    store.events.onAppend((recorded) => heard.push(...recorded.map(({ position }) => position)))
    count(store, 'a', 0, 2)
    expect(heard).toEqual([1, 2, 3])
  })

  it('that throw break neither the append nor the other listeners', () => {
    const errors: unknown[] = []
    const store = openTemporary({ onWarning: (error) => errors.push(error) })
    const heard: number[] = []
    store.events.onAppend(() => {
      throw new Error('deaf')
    })
    const stop = store.events.onAppend((recorded) => heard.push(recorded.length))
    count(store, 's', 0, 1)
    stop()
    count(store, 's', 1, 1)
    expect(heard).toEqual([1])
    expect(errors).toEqual([new Error('deaf'), new Error('deaf')])
  })
})

describe('snapshots', () => {
  it('are found by stream and version of the machine, the newest only', () => {
    const { events } = openTemporary()
    events.saveSnapshot('s', 10, 1, { value: 'created' })
    events.saveSnapshot('s', 20, 1, { value: 'running' })
    expect(events.loadSnapshot('s', 1)).toEqual({ version: 20, state: { value: 'running' } })
    expect(events.loadSnapshot('s', 2)).toBeUndefined()
    expect(events.loadSnapshot('t', 1)).toBeUndefined()
  })
})

describe('the log', () => {
  it('has gapless positions, consecutive versions and a sound chain, whatever is appended in whatever order', () => {
    const appends = fc.array(
      fc.record({
        stream: fc.constantFrom('a', 'b', 'c', 'container/d'),
        payloads: fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { maxLength: 4 }),
        fails: fc.boolean(),
      }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(appends, (steps) => {
        const store = openTemporary()
        const versions = new Map<string, number>()
        for (const { stream, payloads, fails } of steps) {
          const expectedVersion = versions.get(stream) ?? 0
          const events = payloads.map((payload) => ({ ...payload, type: 'Made' }))
          const project = () => {
            if (fails) throw new Undone()
          }
          const appended = unlessUndone(() =>
            store.events.append({ stream, expectedVersion, events, project }),
          )
          versions.set(stream, expectedVersion + appended.length)
        }
        const log = [...store.events.readAll()]
        expect(log.map(({ position }) => position)).toEqual(log.map((_, index) => index + 1))
        for (const [stream, version] of versions) {
          const expected = Array.from({ length: version }, (_, index) => index + 1)
          expect(store.events.read(stream).map((event) => event.version)).toEqual(expected)
        }
        expect(store.events.verify()).toEqual({ events: log.length, damage: undefined })
      }),
      { numRuns: 25 },
    )
  })

  it('is there again after closing and opening', async () => {
    const path = temporaryPath()
    const first = openTemporary({ path })
    count(first, 's', 0, 3)
    const before = [...first.events.readAll()]
    await first.close()
    expect([...openTemporary({ path }).events.readAll()]).toEqual(before)
  })

  it('lies in files that only their owner reads', () => {
    const path = temporaryPath()
    count(openTemporary({ path }), 's', 0, 1)
    for (const suffix of ['', '-wal', '.lock']) expect(statSync(path + suffix).mode & 0o777).toBe(0o600)
  })
})
