import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test as it } from 'vitest'
import { verifyDatabase } from '../../../src/engine/verify.ts'
import { TallyError } from '../../../src/errors.ts'
import { readAnchor } from '../../../src/store/anchor.ts'
import { openTemporary } from '../store/temporary-store.ts'
import { create, openDaemon, origin, run } from './daemon.ts'

/** A database with containers in all walks of life, closed as a daemon that ends closes it. */
async function recordOf(change: (database: Database.Database) => void = () => undefined): Promise<string> {
  const daemon = await openDaemon()
  const id = await run(daemon)
  for (let index = 0; index < 70; index += 1) await daemon.engine.rename(id, `web-${index}`, origin)
  daemon.world.exit(id, 3)
  await expect.poll(() => daemon.engine.get(id).milestone).toBe('exited')
  await daemon.engine.remove(await create(daemon, { name: 'db' }), { force: false, volumes: false }, origin)
  await create(daemon, { name: 'idle' })
  await daemon.crash()
  const { path } = daemon.options
  const database = new Database(path)
  change(database)
  database.close()
  return path
}

const files = (path: string): readonly string[] => readdirSync(dirname(path)).sort()

describe('verifyDatabase', () => {
  it('finds nothing in a sound record, and changes nothing in it', async () => {
    const path = await recordOf()
    const before = { files: files(path), bytes: readFileSync(path) }
    const { events, streams, damages } = verifyDatabase(path, readAnchor(path))
    expect({ events, streams, damages }).toEqual({ events: 83, streams: 3, damages: [] })
    expect({ files: files(path), bytes: readFileSync(path) }).toEqual(before)
  })

  it('reads the write-ahead log of a daemon that was killed, and leaves it where it is', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    const { path } = daemon.options
    const copy = `${path}.copy`
    for (const suffix of ['', '-wal']) copyFileSync(`${path}${suffix}`, `${copy}${suffix}`)
    const wal = statSync(`${copy}-wal`).size
    expect(verifyDatabase(copy).events).toBe(daemon.store.events.head())
    expect(statSync(`${copy}-wal`).size).toBe(wal)
    expect(existsSync(`${copy}-shm`)).toBe(false)
  })

  it.each([
    [
      'a state',
      `UPDATE containers SET state = replace(state, 'exited', 'failed')`,
      /the row \w{64} of containers differs/,
    ],
    ['a name', `UPDATE containers SET name = 'other' WHERE name = 'idle'`, /of containers differs/],
    ['a missing row', 'DELETE FROM containers', /of containers is missing/],
    [
      'a row too many',
      `INSERT INTO messages VALUES (3, 7, 1, 'container', 'start', 'x', '{}')`,
      /the row 3.7 of messages is there, but/,
    ],
    [
      'a tag',
      `PRAGMA foreign_keys = OFF; INSERT INTO tags VALUES ('t:1', 'sha256:0')`,
      /tags name an image that is not there/,
    ],
    [
      'a snapshot',
      `UPDATE snapshots SET state = replace(state, 'web-', 'wen-')`,
      /the snapshot of container\/\w{64} differs/,
    ],
  ])('finds %s that the log does not lead to', async (_, sql, message) => {
    const path = await recordOf((database) => database.exec(sql))
    const { damages } = verifyDatabase(path)
    expect(damages).toContainEqual({ kind: 'projection', message: expect.stringMatching(message) })
    expect(damages.every(({ kind }) => kind === 'projection')).toBe(true)
  })

  it('finds an index that has lost an event, and names the event', async () => {
    const path = await recordOf((database) => {
      database.unsafeMode().pragma('writable_schema = ON')
      const root = `(SELECT rootpage FROM sqlite_schema WHERE name = 'messages_by_time')`
      database.exec(`UPDATE sqlite_schema SET rootpage = ${root} WHERE name = 'sqlite_autoindex_events_1'`)
    })
    expect(verifyDatabase(path).damages).toContainEqual(
      expect.objectContaining({
        kind: 'event',
        position: 1,
        message: expect.stringContaining('missing from index'),
      }),
    )
  })

  it('finds that the log does not go as far as a witness says', async () => {
    const path = await recordOf()
    expect(verifyDatabase(path, { position: 90, hash: 'f'.repeat(64) }).damages).toEqual([
      { kind: 'file', message: expect.stringContaining('once held position 90') },
    ])
  })

  it.each([
    ['one that is not there', '/nowhere/tallyman.db', 'no such file'],
    ['a directory', '/tmp', 'cannot read the database /tmp: disk I/O error'],
  ])('can’t check %s', (_, path, message) => {
    expect(() => verifyDatabase(path)).toThrow(message)
  })

  it('can’t check one that a daemon uses', async () => {
    const { options } = await openDaemon()
    expect(() => verifyDatabase(options.path)).toThrow('another tallyd is using the database')
  })

  it('can’t check another program’s database', async () => {
    const path = await recordOf()
    const other = `${path}.other`
    new Database(other).exec('CREATE TABLE t (x)').close()
    expect(() => verifyDatabase(other)).toThrow('this is no database of Tallyman')
  })

  it('calls what is no database damaged', async () => {
    const path = await recordOf()
    writeFileSync(path, Buffer.alloc(8192, 'x'))
    expect(verifyDatabase(path).damages).toEqual([
      { kind: 'file', message: expect.stringContaining('not a database') },
    ])
  })
})

function eventAt(path: string, position: number): Readonly<Record<string, unknown>> {
  const database = new Database(path, { readonly: true })
  const rows = database.prepare<[number], Readonly<Record<string, unknown>>>(
    'SELECT * FROM events WHERE position = ?',
  )
  const row = rows.get(position) ?? {}
  database.close()
  return row
}

/** What became of a check: the damage that was found, the refusal, or a verdict that all is well. */
function outcomeOf(path: string): unknown {
  try {
    const verdict = verifyDatabase(path)
    return verdict.damages.length > 0 ? 'found' : verdict
  } catch (error) {
    if (!(error instanceof TallyError)) throw error
    return 'refused'
  }
}

describe('a flipped byte', () => {
  it('in any column of an event is found and named', async () => {
    const path = await recordOf((database) => database.exec('VACUUM'))
    const row = eventAt(path, 5)
    const file = readFileSync(path)
    // What the table's first page held before it was split still lies there.
    const start = file.lastIndexOf(String(row.hash))
    const texts = ['stream', 'type', 'data', 'meta', 'hash'].map((column) => String(row[column]))
    const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
    const end = start + 64
    for (let at = end - size; at < end; at += 7) {
      const damaged = Buffer.from(file)
      damaged[at] = (damaged[at] ?? 0) ^ 0x01
      writeFileSync(`${path}.copy`, damaged)
      const { damages } = verifyDatabase(`${path}.copy`)
      expect(damages[0], `byte ${at}`).toMatchObject({ kind: 'event', position: 5 })
    }
  })

  it('anywhere in the file is found, or changes nothing that is read', async () => {
    const path = await recordOf()
    const file = readFileSync(path)
    const sound = verifyDatabase(path)
    const outcomes: unknown[] = []
    for (let at = 3; at < file.length; at += 997) {
      const damaged = Buffer.from(file)
      damaged[at] = (damaged[at] ?? 0) ^ 0x10
      writeFileSync(`${path}.copy`, damaged)
      outcomes.push(outcomeOf(`${path}.copy`))
    }
    const unseen = outcomes.filter((outcome) => typeof outcome !== 'string')
    for (const verdict of unseen) expect(verdict).toEqual(sound)
    expect(outcomes.length - unseen.length).toBeGreaterThan(20)
  })

  it('in the write-ahead log is seen by what was promised before', async () => {
    const path = await recordOf()
    const store = openTemporary({ path })
    store.events.append({ stream: 's', expectedVersion: 0, events: [{ type: 'Said' }] })
    const head = [...store.events.readAll()].at(-1)
    for (const suffix of ['', '-wal']) copyFileSync(`${path}${suffix}`, `${path}.copy${suffix}`)
    chmodSync(`${path}.copy`, 0o600)
    const wal = readFileSync(`${path}.copy-wal`)
    wal[100] = (wal[100] ?? 0) ^ 1
    writeFileSync(`${path}.copy-wal`, wal)
    expect(verifyDatabase(`${path}.copy`, head).damages).toContainEqual({
      kind: 'file',
      message: expect.stringContaining('has lost events'),
    })
  })
})
