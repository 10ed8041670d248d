/** Appends: version check, hash chain and projections in one transaction. */
import type { Clock } from '../clock.ts'
import { chainHash, genesis } from './chain.ts'
import type { Connection } from './connection.ts'
import { WrongVersionError } from './errors.ts'
import type { Append, EventData, RecordedEvent } from './port.ts'
import { dataText, metaText, recordedEvent } from './recorded.ts'
import { currentSchema, type Upcasts } from './upcast.ts'

export interface AppenderOptions {
  readonly clock: Clock
  readonly bootId: string
  readonly upcasts: Upcasts
}

/** What an append returns is read back from the text that was stored, so that its caller and every later reader see the same. */
export interface Appender {
  append<E extends EventData>(append: Append<E>): readonly RecordedEvent<E>[]
}

interface StreamHead {
  readonly version: number
  readonly hash: string
}

export function openAppender(connection: Connection, options: AppenderOptions): Appender {
  const { clock, bootId, upcasts } = options
  const selectHead = connection.prepare<[string], StreamHead>(
    'SELECT version, hash FROM events WHERE stream = ? ORDER BY version DESC LIMIT 1',
  )
  const insert = connection.prepare(
    'INSERT INTO events (stream, version, type, schema, data, meta, hash) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )

  function headOf(stream: string, expected: number): StreamHead {
    const head = selectHead.get(stream) ?? { version: 0, hash: genesis }
    if (head.version !== expected) throw new WrongVersionError(stream, expected, head.version)
    return head
  }

  function record<E extends EventData>(head: StreamHead, stream: string, event: E, meta: string) {
    const { type } = event
    const version = head.version + 1
    const schema = currentSchema(upcasts, type)
    const data = dataText(event)
    const stored = { stream, version, type, schema, data, meta }
    const hash = chainHash(head.hash, stored)
    const { lastInsertRowid } = insert.run(stream, version, type, schema, data, meta, hash)
    return recordedEvent<E>({ ...stored, position: Number(lastInsertRowid), hash }, upcasts)
  }

  function recordAll<E extends EventData>(append: Append<E>): readonly RecordedEvent<E>[] {
    let head = headOf(append.stream, append.expectedVersion)
    const meta = metaText(append, clock, bootId)
    const recorded = append.events.map((event) => {
      const next = record(head, append.stream, event, meta)
      head = next
      return next
    })
    append.project?.(recorded)
    return recorded
  }

  return {
    append(append) {
      if (connection.inTransaction) throw new Error(`append to ${append.stream} within another append`)
      return inTransaction(connection, () => recordAll(append))
    },
  }
}

/** BEGIN IMMEDIATE … COMMIT; whatever is thrown rolls back. */
export function inTransaction<T>(connection: Connection, work: () => T): T {
  return connection.transaction(work).immediate()
}
