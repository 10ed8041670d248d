import { describe, expect, test as it } from 'vitest'
import { currentSchema, type Upcasts, upcast } from '../../../src/store/upcast.ts'
import { count, openTemporary, temporaryPath } from './temporary-store.ts'

/** Schema 1 had `number` as a number, schema 2 calls it `ordinal`, schema 3 makes it text. */
const table: Upcasts = {
  Counted: [
    ({ number, ...rest }) => ({ ...rest, ordinal: number }),
    (old) => ({ ...old, ordinal: String(old.ordinal) }),
  ],
}

describe('upcasting', () => {
  it('starts at the schema that was recorded', () => {
    expect(upcast(table, 'Counted', 1, { number: 7, other: 1 })).toEqual({ other: 1, ordinal: '7' })
    expect(upcast(table, 'Counted', 2, { ordinal: 7 })).toEqual({ ordinal: '7' })
    expect(upcast(table, 'Counted', 3, { ordinal: '7' })).toEqual({ ordinal: '7' })
  })

  it('leaves alone what never changed, also under names that objects have', () => {
    expect(currentSchema(table, 'Counted')).toBe(3)
    expect(currentSchema(table, 'toString')).toBe(1)
    expect(upcast(table, 'toString', 1, { a: 1 })).toEqual({ a: 1 })
  })

  it('refuses a schema that only a newer Tallyman knows', () => {
    expect(() => upcast(table, 'Counted', 4, {})).toThrow(
      'event Counted has schema 4, which only a newer Tallyman knows',
    )
  })

  it('gives readers of an old log the current shape, and leaves the log as it is', async () => {
    const path = temporaryPath()
    const old = openTemporary({ path })
    count(old, 's', 0, 1)
    await old.close()
    const store = openTemporary({ path, upcasts: table })
    store.events.append({ stream: 's', expectedVersion: 1, events: [{ type: 'Counted', ordinal: '2' }] })
    expect(store.events.read('s').map(({ schema, event }) => ({ schema, event }))).toEqual([
      { schema: 1, event: { type: 'Counted', ordinal: '1' } },
      { schema: 3, event: { type: 'Counted', ordinal: '2' } },
    ])
    expect(store.events.verify()).toEqual({ events: 2, damage: undefined })
  })
})
