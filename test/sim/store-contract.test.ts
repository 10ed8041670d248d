import { describe, expect, test as it } from 'vitest'
import { NameTakenError, WrongVersionError } from '../../src/store/errors.ts'
import type { ContainerRow, MessageRow } from '../../src/store/port.ts'
import { type Medium, type MediumOptions, memoryMedium } from './medium.ts'
import type { SimulatedStore } from './memory-store.ts'
import { sqliteMedium } from './sqlite-medium.ts'
import { VirtualTime } from './virtual-time.ts'

interface Held {
  readonly medium: Medium
  readonly store: SimulatedStore
}

const container = (id: string, changes: Partial<ContainerRow> = {}): ContainerRow => ({
  ...{ id, name: `name-${id}`, version: 1, removed: false, createdAt: `2026-01-01T00:00:0${id.at(-1)}Z` },
  state: { value: 'created', context: { id } },
  ...changes,
})

const message = (changes: Partial<MessageRow>): MessageRow => ({
  ...{ position: 1, ordinal: 0, timeNano: 1n, type: 'container', action: 'start', actorId: 'a' },
  attributes: { name: 'x' },
  ...changes,
})

const append = ({ store }: Held, stream: string, expectedVersion: number, project = () => {}) =>
  store.events.append({ stream, expectedVersion, events: [{ type: 'Happened', number: 7 }], project })

describe.each([
  ['in memory', memoryMedium],
  ['on SQLite', sqliteMedium],
] as const)('The store of the simulation %s', (_, openMedium: (options: MediumOptions) => Medium) => {
  const time = new VirtualTime()

  async function using(work: (held: Held) => Promise<void> | void): Promise<void> {
    const medium = openMedium({ clock: time, flushing: async () => undefined })
    try {
      await work({ medium, store: medium.open('boot-1') })
    } finally {
      await medium.close()
      medium.dispose()
    }
  }

  it('returns from an append what is read later, with a chain of hashes that fits', () =>
    using((held) => {
      const first = append(held, 'a', 0)
      const second = append(held, 'b', 0)
      const third = append(held, 'a', 1)
      const { events } = held.store
      expect(events.read('a')).toEqual([...first, ...third])
      expect(events.read('a', { after: 1 })).toEqual(third)
      expect([...events.readAll()]).toEqual([...first, ...second, ...third])
      expect([...events.readAll({ after: 1, limit: 1 })]).toEqual(second)
      expect(events.streams('')).toEqual([
        { stream: 'a', version: 2 },
        { stream: 'b', version: 1 },
      ])
      expect(first).toMatchObject([{ position: 1, version: 1, meta: { bootId: 'boot-1', time: time.now() } }])
      expect([events.head(), events.verify()]).toEqual([3, { events: 3, damage: undefined }])
    }))

  it('refuses an append to a stream that is at another version', () =>
    using((held) => {
      append(held, 'a', 0)
      expect(() => append(held, 'a', 0)).toThrow(new WrongVersionError('a', 0, 1))
      expect(() => append(held, 'b', 1)).toThrow(new WrongVersionError('b', 1, 0))
      expect(held.store.events.head()).toBe(1)
    }))

  it('takes back the events and all rows if a projection throws', () =>
    using((held) => {
      const { containers, messages, events } = held.store
      append(held, 'a', 0, () => containers.put(container('c1')))
      const fail = () => {
        containers.put(container('c1', { name: 'other', version: 2 }))
        containers.put(container('c2'))
        messages.put(message({}))
        throw new Error('no')
      }
      expect(() => append(held, 'b', 0, fail)).toThrow('no')
      expect(containers.list()).toEqual([container('c1')])
      expect(containers.byName('other')).toBeUndefined()
      expect([[...messages.range({})], events.read('b'), events.head()]).toEqual([[], [], 1])
      append(held, 'b', 0, () => containers.put(container('c3', { name: 'other' })))
      expect(held.store.events.verify().damage).toBeUndefined()
    }))

  it('keeps the names of containers that are not removed apart', () =>
    using((held) => {
      const { containers } = held.store
      append(held, 'a', 0, () => containers.put(container('c1', { name: 'x' })))
      const taken = () => append(held, 'b', 0, () => containers.put(container('c2', { name: 'x' })))
      expect(taken).toThrow(new NameTakenError('x', 'c1'))
      append(held, 'a', 1, () => containers.put(container('c1', { name: 'x', removed: true })))
      taken()
      expect(containers.byName('x')?.id).toBe('c2')
    }))

  it('finds containers as the engine asks for them, the newest first', () =>
    using((held) => {
      const { containers } = held.store
      const rows = [container('ab1'), container('ab3'), container('ab2'), container('cd4', { removed: true })]
      append(held, 'a', 0, () => rows.forEach((row) => void containers.put(row)))
      expect(containers.list().map(({ id }) => id)).toEqual(['ab3', 'ab2', 'ab1'])
      expect(containers.byIdPrefix('ab', 2).map(({ id }) => id)).toEqual(['ab1', 'ab2'])
      expect(containers.byId('cd4')?.removed).toBe(true)
      expect(held.store.row('ab1')).toMatchObject({ version: 1, state: JSON.stringify(rows[0]?.state) })
    }))

  it('gives messages in the order of the log, of a range of time', () =>
    using((held) => {
      const { messages } = held.store
      const rows = [5n, 1n, 3n].map((timeNano, ordinal) => message({ timeNano, ordinal }))
      append(held, 'a', 0, () => rows.forEach((row) => void messages.put(row)))
      expect([...messages.range({})]).toEqual(rows)
      expect([...messages.range({ since: 2n, until: 5n })]).toEqual([rows[0], rows[2]])
      expect([...messages.range({ after: 1 })]).toEqual([])
    }))

  it('writes rows only within an append, and no append within another', () =>
    using((held) => {
      expect(() => held.store.containers.put(container('c1'))).toThrow('outside of an append')
      expect(() => append(held, 'a', 0, () => void append(held, 'b', 0))).toThrow('within another append')
    }))

  it('keeps snapshots of one version of the machine', () =>
    using(({ store }) => {
      store.events.saveSnapshot('a', 3, 1, { value: 'created' })
      expect(store.events.loadSnapshot('a', 1)).toEqual({ version: 3, state: { value: 'created' } })
      expect(store.events.loadSnapshot('a', 2)).toBeUndefined()
    }))

  it('tells listeners of each commit', () =>
    using((held) => {
      const heard: number[] = []
      const leave = held.store.events.onAppend((all) => heard.push(...all.map(({ position }) => position)))
      append(held, 'a', 0)
      leave()
      append(held, 'a', 1)
      expect(heard).toEqual([1])
    }))

  it('keeps in a crash what is committed, and after a power cut what was flushed', () =>
    using(async (held) => {
      const { medium, store } = held
      append(held, 'a', 0, () => store.containers.put(container('c1')))
      await store.events.durable()
      expect(medium.syncedHead).toBe(1)
      append(held, 'a', 1, () => store.containers.put(container('c1', { version: 2, name: 'other' })))
      await medium.close()
      const second = medium.open('boot-1')
      expect([second.events.head(), second.containers.byName('other')?.version]).toEqual([2, 2])
      await medium.close()
      medium.cutPower(0)
      const third = medium.open('boot-2')
      expect([third.events.head(), third.containers.list()]).toEqual([1, [container('c1')]])
      append({ medium, store: third }, 'a', 1)
      expect(third.events.verify()).toEqual({ events: 2, damage: undefined })
    }))
})
