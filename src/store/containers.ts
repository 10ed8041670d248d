/** The projection of containers: what `docker ps` and `docker inspect` read. */
import { type Connection, prefixEnd, requireTransaction } from './connection.ts'
import { type Guard, isUniqueViolation, NameTakenError } from './errors.ts'
import type { ContainerRow, ContainerRows } from './port.ts'

interface Stored {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly removed: number
  readonly createdAt: string
  readonly state: string
}

const select = 'SELECT id, name, version, removed, created_at AS createdAt, state FROM containers'

export function openContainers(connection: Connection, guard: Guard): ContainerRows {
  const upsert = connection.prepare(
    `INSERT INTO containers (id, name, version, removed, created_at, state) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, version = excluded.version, removed = excluded.removed,
       created_at = excluded.created_at, state = excluded.state`,
  )
  // Nearly every put changes the state only. SQLite rewrites the indexes of all columns that it is told to set, changed or not.
  const update = connection.prepare(
    'UPDATE containers SET version = ?, state = ? WHERE id = ? AND name = ? AND removed = ? AND created_at = ?',
  )
  const byId = connection.prepare<[string], Stored>(`${select} WHERE id = ?`)
  const byName = connection.prepare<[string], Stored>(`${select} WHERE name = ? AND removed = 0`)
  const byPrefix = connection.prepare<[string, string, number], Stored>(
    `${select} WHERE id >= ? AND id < ? AND removed = 0 ORDER BY id LIMIT ?`,
  )
  const newestFirst = connection.prepare<[], Stored>(
    `${select} WHERE removed = 0 ORDER BY created_at DESC, id DESC`,
  )

  function nameTaken(name: string, cause: unknown): unknown {
    const owner = isUniqueViolation(cause) ? byName.get(name) : undefined
    return owner === undefined ? cause : new NameTakenError(name, owner.id)
  }

  return {
    put(row) {
      requireTransaction(connection)
      const { id, name, version, createdAt } = row
      const removed = Number(row.removed)
      const state = JSON.stringify(row.state)
      if (update.run(version, state, id, name, removed, createdAt).changes === 1) return
      try {
        upsert.run(id, name, version, removed, createdAt, state)
      } catch (error) {
        throw nameTaken(name, error)
      }
    },
    byId: (id) => optional(guard(() => byId.get(id))),
    byName: (name) => optional(guard(() => byName.get(name))),
    byIdPrefix: (prefix, limit) =>
      guard(() => byPrefix.all(prefix, prefixEnd(prefix), limit)).map(containerRow),
    list: () => guard(() => newestFirst.all()).map(containerRow),
  }
}

const optional = (stored: Stored | undefined): ContainerRow | undefined => stored && containerRow(stored)

function containerRow(stored: Stored): ContainerRow {
  return {
    ...stored,
    removed: stored.removed === 1,
    state: JSON.parse(stored.state) as ContainerRow['state'],
  }
}
