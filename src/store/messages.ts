/** The projection of what `docker events` shows. */
import { type Connection, requireTransaction } from './connection.ts'
import type { Guard } from './errors.ts'
import type { MessageRow, MessageRows } from './port.ts'

type Range = Parameters<MessageRows['range']>[0]

/** Integers come as bigint: a time in nanoseconds has more than 53 bits. */
interface Stored {
  readonly position: bigint
  readonly ordinal: bigint
  readonly timeNano: bigint
  readonly type: string
  readonly action: string
  readonly actorId: string
  readonly attributes: string
}

interface Bounds {
  readonly first: bigint | null
  readonly last: bigint | null
}

const pageSize = 256
const beginning = -(2n ** 63n)
const end = 2n ** 63n - 1n

export function openMessages(connection: Connection, guard: Guard): MessageRows {
  const insert = connection.prepare(
    'INSERT INTO messages (position, ordinal, time_nano, type, action, actor_id, attributes) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  // The wall clock may be set back, so the order of times is not the order of positions. The index on time finds the part of the log to walk.
  const selectBounds = connection
    .prepare<[bigint, bigint], Bounds>(
      'SELECT min(position) AS first, max(position) AS last FROM messages WHERE time_nano BETWEEN ? AND ?',
    )
    .safeIntegers()
  const selectPage = connection
    .prepare<[bigint, bigint, bigint, bigint, bigint, number], Stored>(
      `SELECT position, ordinal, time_nano AS timeNano, type, action, actor_id AS actorId, attributes FROM messages
       WHERE (position, ordinal) > (?, ?) AND position <= ? AND time_nano BETWEEN ? AND ? ORDER BY position, ordinal LIMIT ?`,
    )
    .safeIntegers()

  function bounds({ after = 0, since, until }: Range): { readonly after: bigint; readonly last: bigint } {
    if (since === undefined && until === undefined) return { after: BigInt(after), last: end }
    const { first, last } = guard(() => selectBounds.get(since ?? beginning, until ?? end)) ?? {}
    if (first === null || first === undefined) return { after: 0n, last: 0n }
    return { after: first > BigInt(after) ? first - 1n : BigInt(after), last: last ?? end }
  }

  function* range(options: Range): Generator<MessageRow> {
    const { since = beginning, until = end } = options
    const { after, last } = bounds(options)
    let position = after
    let ordinal = end
    for (;;) {
      const rows = guard(() => selectPage.all(position, ordinal, last, since, until, pageSize))
      for (const row of rows) yield messageRow(row)
      const final = rows.at(-1)
      if (final === undefined || rows.length < pageSize) return
      position = final.position
      ordinal = final.ordinal
    }
  }

  return {
    put({ position, ordinal, timeNano, type, action, actorId, attributes }) {
      requireTransaction(connection)
      insert.run(position, ordinal, timeNano, type, action, actorId, JSON.stringify(attributes))
    },
    range,
  }
}

function messageRow(stored: Stored): MessageRow {
  const { timeNano, type, action, actorId } = stored
  const attributes = JSON.parse(stored.attributes) as MessageRow['attributes']
  const place = { position: Number(stored.position), ordinal: Number(stored.ordinal) }
  return { ...place, timeNano, type, action, actorId, attributes }
}
