import { copyFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, test as it } from 'vitest'
import { checkLog, verifyLog } from '../../../src/store/verify.ts'
import { count, openTemporary, temporaryPath } from './temporary-store.ts'

/** A closed store's file with three events of `a` and two of `b`, opened by somebody who has no respect for triggers. */
async function tampered(...statements: string[]) {
  const path = temporaryPath()
  const store = openTemporary({ path })
  count(store, 'a', 0, 2)
  count(store, 'b', 0, 2)
  count(store, 'a', 2, 1)
  await store.close()
  copyFileSync(path, `${path}.copy`)
  const database = new Database(`${path}.copy`)
  database.exec('DROP TRIGGER events_are_never_updated; DROP TRIGGER events_are_never_deleted')
  for (const statement of statements) database.exec(statement)
  const verification = verifyLog(database)
  const damages = [...checkLog(database)]
  database.close()
  return { ...verification, damages }
}

const missing = { stream: '', version: 0, message: 'the event is missing' }

describe('verify', () => {
  it('finds nothing in a sound log', async () => {
    expect(await tampered()).toEqual({ events: 5, damage: undefined, damages: [] })
  })

  it.each([
    ['data', `UPDATE events SET data = replace(data, '2', '3') WHERE position = 2`],
    ['metadata', `UPDATE events SET meta = replace(meta, 'boot', 'soot') WHERE position = 2`],
    ['a type', `UPDATE events SET type = 'Faked' WHERE position = 2`],
    ['a schema', 'UPDATE events SET schema = 2 WHERE position = 2'],
    ['a hash', `UPDATE events SET hash = '${'f'.repeat(64)}' WHERE position = 2`],
  ])('finds %s that was changed', async (_, statement) => {
    expect((await tampered(statement)).damage).toMatchObject({ stream: 'a', version: 2, position: 2 })
  })

  it('finds an event that was taken out of the middle of its stream', async () => {
    const { damages } = await tampered('DELETE FROM events WHERE position = 2')
    const after = { stream: 'a', version: 3, position: 5, message: 'version 2 is missing before it' }
    expect(damages).toEqual([{ ...missing, position: 2 }, after])
  })

  it('finds a stream whose end was taken away', async () => {
    const { damages } = await tampered('DELETE FROM events WHERE position = 4')
    expect(damages).toEqual([{ ...missing, position: 4 }])
  })

  it('finds that the end of the log was taken away', async () => {
    const { damages } = await tampered('DELETE FROM events WHERE position > 3')
    const message = '5 events were appended, and the end is missing'
    expect(damages).toEqual([{ ...missing, position: 4, message }])
  })

  it('finds every one of several damages, and does not blame the events behind them', async () => {
    const { damages } = await tampered(
      `UPDATE events SET hash = '${'f'.repeat(64)}' WHERE position = 1`,
      `UPDATE events SET data = '{}' WHERE position = 4`,
    )
    expect(damages.map(({ position }) => position)).toEqual([1, 4])
  })

  it('reads on behind an event that moved up or down in the order', async () => {
    for (const to of [70, -3]) {
      const { damages } = await tampered(`UPDATE events SET position = ${to} WHERE position = 3`)
      expect(damages).toContainEqual({ ...missing, position: 3 })
    }
  })

  it('finds an event that was moved to another stream', async () => {
    const { damage } = await tampered(`UPDATE events SET stream = 'b', version = 3 WHERE position = 5`)
    expect(damage).toMatchObject({ stream: 'b', version: 3, position: 5 })
  })
})

it.each([
  'UPDATE events SET data = data',
  'DELETE FROM events',
  `INSERT OR REPLACE INTO events SELECT position, stream, version, type, schema, '{}', meta, hash FROM events`,
])('the table itself refuses %s', async (statement) => {
  const path = temporaryPath()
  const store = openTemporary({ path })
  count(store, 's', 0, 1)
  await store.close()
  const database = new Database(path)
  database.pragma('recursive_triggers = ON')
  expect(() => database.exec(statement)).toThrow('append-only')
  database.close()
})
