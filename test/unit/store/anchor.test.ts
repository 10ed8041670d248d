import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { describe, expect, test as it } from 'vitest'
import { openAnchor } from '../../../src/store/anchor.ts'
import { count, openTemporary, temporaryPath } from './temporary-store.ts'

async function storeOf(events: number): Promise<string> {
  const path = temporaryPath()
  const store = openTemporary({ path })
  count(store, 's', 0, events)
  await store.close()
  return path
}

function tamper(path: string, statement: string): void {
  const database = new Database(path)
  database.exec('DROP TRIGGER events_are_never_updated; DROP TRIGGER events_are_never_deleted')
  database.exec(statement)
  database.close()
}

describe('the head anchor', () => {
  it('names the last event when the store is closed, in a private file', async () => {
    const path = await storeOf(3)
    const last = openTemporary({ path }).events.read('s')[2]
    expect(JSON.parse(readFileSync(`${path}.head`, 'utf8'))).toEqual({ position: 3, hash: last?.hash })
    expect(statSync(`${path}.head`).mode & 0o777).toBe(0o600)
  })

  it.each([
    'DELETE FROM events WHERE position = 3',
    `UPDATE events SET hash = '${'0'.repeat(64)}' WHERE position = 3`,
  ])('refuses a log after %s, until somebody takes the anchor away', async (statement) => {
    const path = await storeOf(3)
    tamper(path, statement)
    expect(() => openTemporary({ path })).toThrow('has lost events: it once held position 3')
    rmSync(`${path}.head`)
    expect(openTemporary({ path }).events.verify().damage).toBeDefined()
  })

  it('finds commits that a damaged WAL hid', async () => {
    const path = temporaryPath()
    const copy = temporaryPath()
    const store = openTemporary({ path })
    for (let version = 0; version < 20; version++) count(store, 's', version, 1)
    for (const suffix of ['', '-wal']) writeFileSync(copy + suffix, readFileSync(path + suffix))
    await store.close()
    truncateSync(`${copy}-wal`, Math.floor(statSync(`${copy}-wal`).size * 0.8))
    const left = openTemporary({ path: copy })
    expect(left.events.verify()).toMatchObject({ damage: undefined })
    expect(left.events.head()).toBeLessThan(20)
    await left.close()
    writeFileSync(`${copy}.head`, readFileSync(`${path}.head`))
    expect(() => openTemporary({ path: copy })).toThrow('it once held position 20')
  })

  it('accepts a log that went on after it was written', async () => {
    const path = await storeOf(3)
    const old = readFileSync(`${path}.head`)
    const store = openTemporary({ path })
    count(store, 's', 3, 2)
    await store.close()
    writeFileSync(`${path}.head`, old)
    expect(openTemporary({ path }).events.head()).toBe(5)
  })

  it('is written while the store is open, the newest head at most once an interval', async () => {
    const path = temporaryPath()
    const anchor = openAnchor(path, { onWarning: () => undefined, intervalMilliseconds: 5 })
    for (let position = 1; position <= 50; position++) anchor.moved({ position, hash: 'h' })
    while (!existsSync(`${path}.head`)) await sleep(1)
    expect(JSON.parse(readFileSync(`${path}.head`, 'utf8'))).toEqual({ position: 50, hash: 'h' })
    await anchor.close()
  })

  it('that cannot be written is a warning', async () => {
    const warnings: unknown[] = []
    const anchor = openAnchor('/proc/no/such', { onWarning: (error) => warnings.push(error) })
    anchor.moved({ position: 1, hash: 'h' })
    await anchor.close()
    expect(warnings).toEqual([expect.objectContaining({ code: 'ENOENT' })])
  })
})
