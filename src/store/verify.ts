/** Checks the whole log: every hash, every version, every position. Walks stream by stream, so that it needs to hold one event only. */
import { chainHash, genesis } from './chain.ts'
import type { Connection } from './connection.ts'
import type { ChainDamage } from './port.ts'
import type { EventRow } from './recorded.ts'

export interface Verification {
  readonly events: number
  readonly damage: ChainDamage | undefined
}

type Previous = Pick<EventRow, 'stream' | 'version' | 'hash'>

export function verifyLog(connection: Connection): Verification {
  const rows = connection
    .prepare<[], EventRow>(
      'SELECT position, stream, version, type, schema, data, meta, hash FROM events ORDER BY stream, version',
    )
    .iterate()
  let previous: Previous = { stream: '', version: 0, hash: genesis }
  let events = 0
  for (const row of rows) {
    const message = mismatch(previous, row)
    if (message !== undefined) return { events, damage: damageAt(row, message) }
    previous = row
    events++
  }
  return { events, damage: gap(connection, events) }
}

function mismatch(before: Previous, row: EventRow): string | undefined {
  const previous = before.stream === row.stream ? before : { version: 0, hash: genesis }
  if (row.version !== previous.version + 1) return `version ${previous.version + 1} is missing`
  if (row.hash !== chainHash(previous.hash, row))
    return 'the hash does not fit the event and the one before it'
  return undefined
}

/** What a chain alone cannot show: its end is missing. Positions have no gaps, and the highest ever given is kept apart. */
function gap(connection: Connection, events: number): ChainDamage | undefined {
  const last = connection
    .prepare<[], number>("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'")
    .pluck()
    .get()
  if (last === events) return undefined
  const message = `the log has ${events} events, but ${last} were appended: the end of a stream is missing`
  const { position, before } = firstMissing(connection)
  return { stream: before?.stream ?? '', version: before?.version ?? 0, position, message }
}

interface Missing {
  readonly position: number
  readonly before: { readonly stream: string; readonly version: number } | undefined
}

function firstMissing(connection: Connection): Missing {
  let before: EventRow | undefined
  const rows = connection.prepare<[], EventRow>(
    'SELECT position, stream, version FROM events ORDER BY position',
  )
  for (const row of rows.iterate()) {
    if (row.position !== (before?.position ?? 0) + 1) break
    before = row
  }
  return { position: (before?.position ?? 0) + 1, before }
}

function damageAt({ stream, version, position }: EventRow, message: string): ChainDamage {
  return { stream, version, position, message }
}
