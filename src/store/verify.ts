/**
 * Checks the whole log in the order of positions, straight from the table and past no index: every hash, every version, every position.
 * Holds one page of events and the head of each stream.
 */
import { chainHash, genesis } from './chain.ts'
import type { Connection } from './connection.ts'
import { isDamage } from './errors.ts'
import type { ChainDamage } from './port.ts'
import type { EventRow } from './recorded.ts'

export interface Verification {
  readonly events: number
  readonly damage: ChainDamage | undefined
}

export interface Census {
  readonly events: number
  readonly streams: number
}

/** All of it at once, up to the first damage: holds its thread for the length of the log. */
export function verifyLog(connection: Connection): Verification {
  const walk = checkLog(connection)
  const { done, value } = walk.next()
  if (done === true) return { events: value.events, damage: undefined }
  return { events: value.position - 1, damage: value }
}

/** Yields what does not fit, as it is found. What follows a damaged event is held against what the event says and against what it should say. */
export function* checkLog(connection: Connection): Generator<ChainDamage, Census> {
  const heads = new Map<string, StreamHead>()
  const last = lastGiven(connection)
  let expected = 1
  let events = 0
  for (const row of rowsOf(connection, last)) {
    yield* misplaced(row, expected)
    expected = Math.max(expected, row.position) + 1
    if ('unreadable' in row) continue
    events++
    const damage = mismatch(heads, row)
    if (damage !== undefined) yield damage
  }
  if (expected <= last) yield missing(expected, `${last} events were appended, and the end is missing`)
  return { events, streams: heads.size }
}

interface StreamHead {
  readonly version: number
  /** What the next event's hash may build on. */
  readonly hashes: readonly string[]
}

interface Unreadable {
  readonly position: number
  readonly unreadable: string
}

const pageSize = 256
const columns = 'position, stream, version, type, schema, data, meta, hash'

/** Positions have no gaps, and the highest ever given is kept apart from the events: only so the loss of the newest ones can be seen. */
function lastGiven(connection: Connection): number {
  const select = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'"
  return connection.prepare<[], number>(select).pluck().get() ?? 0
}

/** In pages; where a page can't be read, one by one. */
function* rowsOf(connection: Connection, last: number): Generator<EventRow | Unreadable> {
  const selectPage = connection.prepare<[number], EventRow>(
    `SELECT ${columns} FROM events NOT INDEXED WHERE position > ? ORDER BY position LIMIT ${pageSize}`,
  )
  const selectOne = connection.prepare<[number], EventRow>(
    `SELECT ${columns} FROM events NOT INDEXED WHERE position = ?`,
  )
  for (let after = 0; ; ) {
    const rows = readable(() => selectPage.all(after))
    if (Array.isArray(rows)) {
      yield* rows
      if (rows.length < pageSize) return
      after = Math.max(rows.at(-1)?.position ?? 0, after + 1)
      continue
    }
    if (after >= last) return
    for (const end = Math.min(after + pageSize, last); after < end; ) {
      after++
      const row = readable(() => selectOne.get(after))
      if (row !== undefined) yield 'unreadable' in row ? { ...row, position: after } : row
    }
  }
}

function readable<T>(read: () => T): T | Unreadable {
  try {
    return read()
  } catch (error) {
    if (!isDamage(error)) throw error
    return { position: 0, unreadable: error.message }
  }
}

function* misplaced(row: EventRow | Unreadable, expected: number): Generator<ChainDamage> {
  const { position } = row
  if (position > expected) {
    const range = position === expected + 1 ? 'the event is' : `the events up to position ${position - 1} are`
    yield missing(expected, `${range} missing`)
  }
  if ('unreadable' in row) yield missing(position, `the event cannot be read: ${row.unreadable}`)
  else if (position < expected) yield damageAt(row, `the event stands behind position ${expected - 1}`)
}

function mismatch(heads: Map<string, StreamHead>, row: EventRow): ChainDamage | undefined {
  const { version, hashes } = heads.get(row.stream) ?? { version: 0, hashes: [genesis] }
  const due = hashes.map((previous) => chainHash(previous, row))
  const fits = due.includes(row.hash)
  heads.set(row.stream, { version: row.version, hashes: fits ? [row.hash] : [row.hash, due[0] ?? ''] })
  if (row.version !== version + 1) return damageAt(row, `version ${version + 1} is missing before it`)
  return fits ? undefined : damageAt(row, 'the hash does not fit the event and the one before it')
}

function damageAt({ stream, version, position }: EventRow, message: string): ChainDamage {
  return { stream: String(stream), version, position, message }
}

const missing = (position: number, message: string): ChainDamage => ({
  stream: '',
  version: 0,
  position,
  message,
})
