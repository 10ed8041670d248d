/** Reads events: of one stream, of the whole log in pages, and which streams there are. */
import { type Connection, prefixEnd } from './connection.ts'
import type { Guard } from './errors.ts'
import type { EventData, EventStore, RecordedEvent } from './port.ts'
import { type EventRow, recordedEvent } from './recorded.ts'
import type { Upcasts } from './upcast.ts'

export type Reader = Pick<EventStore, 'read' | 'readAll' | 'streams' | 'head'>

const pageSize = 256
const columns = 'position, stream, version, type, schema, data, meta, hash'

export function openReader(connection: Connection, guard: Guard, upcasts: Upcasts): Reader {
  const selectStream = connection.prepare<[string, number], EventRow>(
    `SELECT ${columns} FROM events WHERE stream = ? AND version > ? ORDER BY version`,
  )
  const selectPage = connection.prepare<[number, number], EventRow>(
    `SELECT ${columns} FROM events WHERE position > ? ORDER BY position LIMIT ?`,
  )
  const selectStreams = connection.prepare<[string, string], { stream: string; version: number }>(
    'SELECT stream, max(version) AS version FROM events WHERE stream >= ? AND stream < ? GROUP BY stream',
  )
  const selectHead = connection.prepare<[], number>('SELECT coalesce(max(position), 0) FROM events').pluck()

  function* pages(after: number, limit: number): Generator<RecordedEvent> {
    for (let left = limit, last = after; left > 0; ) {
      const rows = guard(() => selectPage.all(last, Math.min(left, pageSize)))
      for (const row of rows) yield recordedEvent(row, upcasts)
      const end = rows.at(-1)
      if (end === undefined) return
      last = end.position
      left -= rows.length
    }
  }

  return {
    read<E extends EventData>(stream: string, { after = 0 }: { readonly after?: number } = {}) {
      return guard(() => selectStream.all(stream, after)).map((row) => recordedEvent<E>(row, upcasts))
    },
    readAll: ({ after = 0, limit = Number.POSITIVE_INFINITY } = {}) => pages(after, limit),
    streams: (prefix) => guard(() => selectStreams.all(prefix, prefixEnd(prefix))),
    head: () => guard(() => selectHead.get()) ?? 0,
  }
}
