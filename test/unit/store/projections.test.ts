import { describe, expect, test as it } from 'vitest'
import { NameTakenError } from '../../../src/store/errors.ts'
import type { Store } from '../../../src/store/open.ts'
import type { ContainerRow, ImageRow, MessageRow } from '../../../src/store/port.ts'
import { count, openTemporary } from './temporary-store.ts'

const container = (id: string, changes: Partial<ContainerRow> = {}): ContainerRow => ({
  id,
  name: `name-${id}`,
  version: 1,
  removed: false,
  createdAt: '2026-11-24T06:32:43.000000000Z',
  state: { value: 'created', context: { id } },
  ...changes,
})

const image = (id: string, changes: Partial<ImageRow> = {}): ImageRow => ({
  id,
  size: 1,
  createdAt: '2026-01-01T00:00:00Z',
  diffIds: ['sha256:d'],
  layers: ['l'],
  config: { Cmd: ['sh'] },
  ...changes,
})

const message = (timeNano: bigint, changes: Partial<MessageRow> = {}): MessageRow => ({
  position: 1,
  ordinal: 0,
  timeNano,
  type: 'container',
  action: 'start',
  actorId: 'a',
  attributes: { name: 'x' },
  ...changes,
})

/** Runs `project` within the append of one event. */
function project(store: Store, project: () => void): void {
  store.events.append({
    stream: 'projecting',
    expectedVersion: store.events.head(),
    events: [{ type: 'Projected' }],
    project,
  })
}

describe('containers', () => {
  it('are found by id, name and beginning of the id; removed ones by id only', () => {
    const store = openTemporary()
    const [a, b, c] = [container('abc1'), container('abc2'), container('abc3', { removed: true })]
    project(store, () => [a, b, c].forEach(store.containers.put))
    expect(store.containers.byId('abc3')).toEqual(c)
    expect(store.containers.byId('abc')).toBeUndefined()
    expect(store.containers.byName('name-abc2')).toEqual(b)
    expect(store.containers.byName('name-abc3')).toBeUndefined()
    expect(store.containers.byIdPrefix('abc', 10)).toEqual([a, b])
    expect(store.containers.byIdPrefix('abc', 1)).toEqual([a])
    expect(store.containers.byIdPrefix('b', 1)).toEqual([])
  })

  it('are listed without removed ones, the newest first', () => {
    const store = openTemporary()
    const rows = ['1', '3', '2'].map((n) => container(n, { createdAt: `2026-11-24T06:32:43.00000000${n}Z` }))
    project(store, () => rows.forEach(store.containers.put))
    project(store, () => store.containers.put(container('9', { removed: true })))
    expect(store.containers.list().map(({ id }) => id)).toEqual(['3', '2', '1'])
  })

  it('change in every field', () => {
    const store = openTemporary()
    project(store, () => store.containers.put(container('a')))
    const steps = [
      { version: 2, state: { value: 'running', context: {} } },
      { version: 3, name: 'other' },
      { version: 4, createdAt: '2027' },
      { version: 5, removed: true },
    ]
    for (const step of steps) {
      const row = container('a', step)
      project(store, () => store.containers.put(row))
      expect(store.containers.byId('a')).toEqual(row)
    }
  })

  it('cannot take the name of another, neither new nor by renaming', () => {
    const store = openTemporary()
    project(store, () => store.containers.put(container('a', { name: 'x' })))
    project(store, () => store.containers.put(container('b')))
    for (const id of ['b', 'c']) {
      const take = () => project(store, () => store.containers.put(container(id, { name: 'x' })))
      expect(take).toThrow(new NameTakenError('x', 'a'))
    }
    expect(store.containers.byId('b')).toEqual(container('b'))
    expect(store.events.head()).toBe(2)
  })

  it('can take the name of one that was removed', () => {
    const store = openTemporary()
    project(store, () => store.containers.put(container('a', { name: 'x' })))
    project(store, () => store.containers.put(container('a', { name: 'x', removed: true })))
    project(store, () => store.containers.put(container('b', { name: 'x' })))
    expect(store.containers.byName('x')?.id).toBe('b')
  })
})

describe('messages', () => {
  it('keep every nanosecond of their time', () => {
    const store = openTemporary()
    const row = message(1_795_847_563_123_456_789n)
    project(store, () => store.messages.put(row))
    expect([...store.messages.range({})]).toEqual([row])
  })

  it('are found from one nanosecond to another, both included, in the order of the log though the clock was set back', () => {
    const store = openTemporary()
    const base = 1_795_847_563_000_000_000n
    const times = [5n, 1n, 3n, 2n, 4n].map((n) => base + n)
    project(store, () => {
      for (const [ordinal, time] of times.entries()) store.messages.put(message(time, { ordinal }))
    })
    const found = (since?: bigint, until?: bigint) =>
      [
        ...store.messages.range({
          ...(since !== undefined && { since: base + since }),
          ...(until !== undefined && { until: base + until }),
        }),
      ].map(({ timeNano }) => timeNano - base)
    expect(found()).toEqual([5n, 1n, 3n, 2n, 4n])
    expect(found(2n, 4n)).toEqual([3n, 2n, 4n])
    expect(found(4n)).toEqual([5n, 4n])
    expect(found(undefined, 1n)).toEqual([1n])
    expect(found(6n)).toEqual([])
  })

  it('go on after a position, through pages that split the messages of one event', () => {
    const store = openTemporary()
    const places = Array.from({ length: 700 }, (_, n) => ({
      position: 1 + Math.floor(n / 3),
      ordinal: n % 3,
    }))
    project(store, () => {
      for (const place of places) store.messages.put(message(BigInt(place.position), place))
    })
    const found = (options: { after?: number; since?: bigint; until?: bigint }) =>
      [...store.messages.range(options)].map(({ position, ordinal }) => ({ position, ordinal }))
    expect(found({})).toEqual(places)
    expect(found({ after: 230 })).toEqual(places.filter(({ position }) => position > 230))
    expect(found({ after: 10, since: 5n, until: 20n })).toEqual(
      places.filter(({ position }) => position > 10 && position <= 20),
    )
  })
})

describe('images', () => {
  it('are put, found, listed and deleted', () => {
    const store = openTemporary()
    const [a, b] = [image('sha256:a1'), image('sha256:a2', { createdAt: '2026-02-01T00:00:00Z' })]
    project(store, () => [a, b].forEach(store.images.put))
    expect(store.images.byId('sha256:a1')).toEqual(a)
    expect(store.images.byIdPrefix('sha256:a', 9)).toEqual([a, b])
    expect(store.images.list()).toEqual([b, a])
    project(store, () => store.images.delete('sha256:a2'))
    expect(store.images.list()).toEqual([a])
  })

  it('have tags that move from one to another', () => {
    const store = openTemporary()
    project(store, () => {
      for (const id of ['i', 'j']) store.images.put(image(id))
      for (const tag of ['b:1', 'a:1']) store.images.setTag(tag, 'i')
    })
    expect(store.images.tagsOf('i')).toEqual(['a:1', 'b:1'])
    project(store, () => store.images.setTag('a:1', 'j'))
    expect(store.images.imageOfTag('a:1')).toBe('j')
    project(store, () => store.images.deleteTag('b:1'))
    expect([store.images.imageOfTag('b:1'), store.images.tagsOf('i')]).toEqual([undefined, []])
  })

  it('cannot go while a tag points to them, nor a tag point to nothing', () => {
    const store = openTemporary()
    project(store, () => {
      store.images.setTag('a:1', 'i')
      store.images.put(image('i'))
    })
    expect(() => project(store, () => store.images.delete('i'))).toThrow('FOREIGN KEY')
    expect(() => project(store, () => store.images.setTag('b:1', 'none'))).toThrow('FOREIGN KEY')
    expect(store.images.tagsOf('i')).toEqual(['a:1'])
    count(store, 'after', 0, 1)
  })
})

it('projections cannot be written outside of an append', () => {
  const { containers, messages, images } = openTemporary()
  const writes = [
    () => containers.put(container('a')),
    () => messages.put(message(1n)),
    () => images.put(image('i')),
    () => images.delete('i'),
    () => images.setTag('t', 'i'),
    () => images.deleteTag('t'),
  ]
  for (const write of writes) expect(write).toThrow('outside of an append')
})

describe('rebuild', () => {
  it('empties the projections and fills them from the log', () => {
    const store = openTemporary()
    project(store, () => {
      store.containers.put(container('wrong'))
      store.images.put(image('wrong'))
      store.images.setTag('wrong', 'wrong')
      store.messages.put(message(1n))
    })
    count(store, 's', 0, 300)
    store.rebuild(({ position }) => store.containers.put(container(String(position))))
    expect(store.containers.list()).toHaveLength(301)
    expect([store.images.list(), store.images.tagsOf('wrong'), [...store.messages.range({})]]).toEqual([
      [],
      [],
      [],
    ])
  })

  it('that fails leaves the projections as they were', () => {
    const store = openTemporary()
    project(store, () => store.containers.put(container('a')))
    const fail = () => {
      throw new Error('no')
    }
    expect(() => store.rebuild(fail)).toThrow('no')
    expect(store.containers.list()).toEqual([container('a')])
  })
})
