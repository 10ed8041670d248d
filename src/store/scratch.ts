/** Projections made anew from the log in a temporary database of their own, to be held against those that are there. */
import { isDeepStrictEqual } from 'node:util'
import Database from 'better-sqlite3'
import { inTransaction } from './appender.ts'
import type { Connection } from './connection.ts'
import { openContainers } from './containers.ts'
import { openImages } from './images.ts'
import { openMessages } from './messages.ts'
import { migrate, ownMigrations } from './migrate.ts'
import type { ContainerRows, Damage, ImageRows, MessageRows, VolumeRows } from './port.ts'
import { openVolumes } from './volumes.ts'

export interface Projections {
  readonly containers: ContainerRows
  readonly messages: MessageRows
  readonly images: ImageRows
  readonly volumes: VolumeRows
}

const tables = [
  { name: 'containers', key: ['id'] },
  { name: 'messages', key: ['position', 'ordinal'] },
  { name: 'images', key: ['id'] },
  { name: 'tags', key: ['tag'] },
  { name: 'volumes', key: ['name'] },
] as const

type Table = (typeof tables)[number]
type Row = Readonly<Record<string, unknown>>

/** @param fill puts every row that the log asks for. @returns the rows of `connection` that differ from them. */
export function compareProjections(connection: Connection, fill: (rows: Projections) => void): Damage[] {
  // No name: a file that SQLite deletes at once, and that it writes only when the cache is full.
  const scratch = new Database('')
  try {
    migrate(scratch, ownMigrations, '')
    inTransaction(scratch, () => fill(projectionsOf(scratch)))
    return tables.flatMap((table) => [...differences(table, connection, scratch)])
  } finally {
    scratch.close()
  }
}

function projectionsOf(connection: Connection): Projections {
  const guard = <T>(work: () => T): T => work()
  return {
    containers: openContainers(connection, guard),
    messages: openMessages(connection, guard),
    images: openImages(connection, guard),
    volumes: openVolumes(connection, guard),
  }
}

/** Walks both tables in the order of their keys. */
function* differences(table: Table, connection: Connection, scratch: Connection): Generator<Damage> {
  const found = rowsOf(table, connection)
  const wanted = rowsOf(table, scratch)
  let [have, want] = [found.next().value, wanted.next().value]
  while (have !== undefined || want !== undefined) {
    const order = compareKeys(table, have, want)
    if (order < 0) yield damage(table, have, 'is there, but the log says nothing of it')
    if (order > 0) yield damage(table, want, 'is missing')
    if (order === 0 && !sameRow(have, want)) yield damage(table, have, 'differs from what the log says')
    if (order <= 0) have = found.next().value
    if (order >= 0) want = wanted.next().value
  }
}

function rowsOf({ name, key }: Table, connection: Connection): Iterator<Row, undefined> {
  const select = `SELECT * FROM ${name} ORDER BY ${key.join()}`
  return connection.prepare<[], Row>(select).safeIntegers().iterate() as Iterator<Row, undefined>
}

function compareKeys({ key }: Table, have: Row | undefined, want: Row | undefined): number {
  if (have === undefined) return 1
  if (want === undefined) return -1
  for (const column of key) {
    const order = compareValues(have[column], want[column])
    if (order !== 0) return order
  }
  return 0
}

/** As SQLite orders them: numbers by value, text by its bytes in UTF-8. */
function compareValues(left: unknown, right: unknown): number {
  if (typeof left === 'bigint' && typeof right === 'bigint') return left < right ? -1 : Number(left > right)
  return Buffer.compare(Buffer.from(String(left)), Buffer.from(String(right)))
}

const sameRow = (have: Row | undefined, want: Row | undefined): boolean =>
  isDeepStrictEqual(meaning(have), meaning(want))

/** JSON means the same in whatever order its keys are. */
const meaning = (row: Row = {}): Row =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, parsed(value)]))

function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^[[{]/.test(value)) return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

function damage({ name, key }: Table, row: Row | undefined, message: string): Damage {
  const which = key.map((column) => String(row?.[column])).join('.')
  return { kind: 'projection', message: `the row ${which} of ${name} ${message}` }
}
