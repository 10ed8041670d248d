import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test as it, onTestFinished } from 'vitest'
import { count, openTemporary, temporaryPath } from './temporary-store.ts'

const ownMigrations = new URL('../../../migrations', import.meta.url).pathname
const newest = readdirSync(ownMigrations).length
/** Of a migration that is not there yet. */
const later = (by: number, name: string): string => `${String(newest + by).padStart(4, '0')}-${name}.sql`

function temporaryMigrations(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tally-migrations-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  cpSync(ownMigrations, directory, { recursive: true })
  return directory
}

const refusal = (code: string, message: string) =>
  expect.objectContaining({ name: 'TallyError', code, message: expect.stringContaining(message) })

describe('migrations', () => {
  it('are applied in order, once, and those that are new later', async () => {
    const path = temporaryPath()
    const migrations = temporaryMigrations()
    await openTemporary({ path, migrations }).close()
    writeFileSync(join(migrations, later(1, 'more')), 'CREATE TABLE more (x INTEGER) STRICT;')
    writeFileSync(join(migrations, later(2, 'most')), 'ALTER TABLE more ADD COLUMN y INTEGER;')
    await openTemporary({ path, migrations }).close()
    await openTemporary({ path, migrations }).close()
    const database = new Database(path)
    const applied = database.prepare('SELECT name FROM migrations ORDER BY number').pluck().all()
    database.close()
    expect(applied).toEqual(readdirSync(migrations).sort())
  })

  it('that fail leave nothing behind', async () => {
    const path = temporaryPath()
    const migrations = temporaryMigrations()
    const broken = join(migrations, later(1, 'broken'))
    writeFileSync(broken, 'CREATE TABLE half (x INTEGER) STRICT; CREATE TABEL;')
    expect(() => openTemporary({ path, migrations })).toThrow('syntax error')
    writeFileSync(broken, 'CREATE TABLE half (x INTEGER) STRICT;')
    const store = openTemporary({ path, migrations })
    count(store, 's', 0, 1)
    expect(store.events.head()).toBe(1)
  })

  it('of a newer Tallyman are refused', async () => {
    const path = temporaryPath()
    const migrations = temporaryMigrations()
    writeFileSync(join(migrations, later(1, 'future')), 'CREATE TABLE future (x INTEGER) STRICT;')
    await openTemporary({ path, migrations }).close()
    expect(() => openTemporary({ path })).toThrow(
      refusal(
        'unavailable',
        `schema ${newest + 1} (${later(1, 'future')}) of a newer Tallyman; this one knows schema ${newest} at most`,
      ),
    )
  })

  it('whose text changed after they were applied are refused', async () => {
    const path = temporaryPath()
    const migrations = temporaryMigrations()
    await openTemporary({ path, migrations }).close()
    const file = join(migrations, '0002-projections.sql')
    writeFileSync(file, `${readFileSync(file, 'utf8')}-- changed\n`)
    expect(() => openTemporary({ path, migrations })).toThrow(
      refusal('unavailable', '0002-projections.sql has changed'),
    )
  })

  it('with a hole in their numbers are refused', () => {
    const migrations = temporaryMigrations()
    writeFileSync(join(migrations, later(2, 'late')), '')
    expect(() => openTemporary({ migrations })).toThrow(`should have the number ${newest + 1}`)
  })
})

describe('a second daemon on the same database', () => {
  it('is refused, and the first goes on', async () => {
    const path = temporaryPath()
    const first = openTemporary({ path })
    count(first, 's', 0, 1)
    expect(() => openTemporary({ path })).toThrow(
      refusal('conflict', `another tallyd is using the database ${path}`),
    )
    count(first, 's', 1, 1)
    await first.events.durable()
    await first.close()
    expect(openTemporary({ path }).events.head()).toBe(2)
  })

  it('is refused in another process too, also after a refusal in this one', () => {
    const path = temporaryPath()
    openTemporary({ path })
    expect(() => openTemporary({ path })).toThrow()
    const module = (name: string) => JSON.stringify(new URL(`../../../src/${name}`, import.meta.url).pathname)
    const script = `
      import { openStore } from ${module('store/open.ts')}
      import { systemClock } from ${module('clock.ts')}
      try { openStore({ path: ${JSON.stringify(path)}, clock: systemClock, bootId: 'b' }) } catch (error) { console.log(error.message) }`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(output).toBe(`another tallyd is using the database ${path}\n`)
  })
})

it('what is no database, or lies nowhere, is refused by one sentence', () => {
  const path = temporaryPath()
  writeFileSync(
    path,
    'This is a shopping list, and it is long enough to be read as a header: eggs, milk, flour, butter, tea.',
  )
  expect(() => openTemporary({ path })).toThrow(refusal('unavailable', 'file is not a database'))
  const nowhere = join(dirname(path), 'no/such/directory/tallyman.db')
  expect(() => openTemporary({ path: nowhere })).toThrow(refusal('unavailable', 'no such file or directory'))
})

it('no child inherits a descriptor of the database', () => {
  const path = temporaryPath()
  count(openTemporary({ path }), 's', 0, 1)
  const ours = readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(path))
  const flags = ours.map(
    (fd) => /^flags:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '',
  )
  expect(ours.length).toBeGreaterThanOrEqual(4)
  for (const flag of flags) expect(Number.parseInt(flag, 8) & 0o2000000).toBe(0o2000000)
})

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
