/** Brings the schema up to date: numbered SQL files, each in a transaction of its own, recorded with the checksum of its text. */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TallyError } from '../errors.ts'
import type { Connection } from './connection.ts'

export const ownMigrations = fileURLToPath(new URL('../../migrations', import.meta.url))

interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

type Applied = Omit<Migration, 'sql'>

/** @throws TallyError unavailable for a database of a newer Tallyman, or if the text of a migration that was applied has changed. */
export function migrate(connection: Connection, directory: string, now: string): void {
  connection.exec(
    'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT',
  )
  const known = migrationsIn(directory)
  const applied = appliedTo(connection)
  for (const old of applied) check(old, known)
  for (const migration of known.slice(applied.length)) apply(connection, migration, now)
}

/** For who only reads. @throws TallyError unavailable unless the database has exactly our schema. */
export function requireSchema(connection: Connection, directory: string): void {
  const known = migrationsIn(directory)
  const table = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'"
  if (connection.prepare<[], number>(table).pluck().get() === 0)
    throw new TallyError('unavailable', 'this is no database of Tallyman')
  const applied = appliedTo(connection)
  for (const old of applied) check(old, known)
  if (applied.length < known.length) throw tooOld(applied.length, known.length)
}

function tooOld(schema: number, known: number): TallyError {
  const message = `the database has schema ${schema}, and this Tallyman reads schema ${known}; tallyd brings it up to date when it opens it`
  return new TallyError('unavailable', message)
}

function migrationsIn(directory: string): readonly Migration[] {
  const names = readdirSync(directory).filter((name) => /^\d{4}-.*\.sql$/.test(name))
  return names.sort().map((name, index) => {
    const sql = readFileSync(join(directory, name), 'utf8')
    const number = Number(name.slice(0, 4))
    if (number !== index + 1) throw new Error(`migration ${name} should have the number ${index + 1}`)
    return { number, name, sql, checksum: hash('sha256', sql, 'hex') }
  })
}

const appliedTo = (connection: Connection): readonly Applied[] =>
  connection.prepare<[], Applied>('SELECT number, name, checksum FROM migrations ORDER BY number').all()

function check(applied: Applied, known: readonly Migration[]): void {
  const ours = known[applied.number - 1]
  if (ours === undefined) throw tooNew(applied, known.length)
  if (ours.checksum === applied.checksum) return
  throw new TallyError(
    'unavailable',
    `migration ${ours.name} has changed since it was applied to the database`,
  )
}

function tooNew(applied: Applied, newest: number): TallyError {
  const schema = `schema ${applied.number} (${applied.name})`
  const message = `the database has ${schema} of a newer Tallyman; this one knows schema ${newest} at most`
  return new TallyError('unavailable', message)
}

function apply(connection: Connection, { number, name, sql, checksum }: Migration, now: string): void {
  const run = connection.transaction(() => {
    connection.exec(sql)
    connection.prepare('INSERT INTO migrations VALUES (?, ?, ?, ?)').run(number, name, checksum, now)
  })
  run.immediate()
}
