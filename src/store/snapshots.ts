/** Snapshots bound the fold of long streams. One a stream; of another version of the machine it is as if there were none. */
import type { Connection } from './connection.ts'
import type { Guard } from './errors.ts'
import type { EventStore } from './port.ts'

export type Snapshots = Pick<EventStore, 'saveSnapshot' | 'loadSnapshot'>

export interface SavedSnapshot {
  readonly version: number
  readonly state: unknown
}

interface SnapshotRow {
  readonly version: number
  readonly state: string
}

export function openSnapshots(connection: Connection, guard: Guard): Snapshots {
  const upsert = connection.prepare(
    'INSERT OR REPLACE INTO snapshots (stream, version, machine_version, state) VALUES (?, ?, ?, ?)',
  )
  const select = connection.prepare<[string, number], SnapshotRow>(
    'SELECT version, state FROM snapshots WHERE stream = ? AND machine_version = ?',
  )
  return {
    saveSnapshot(stream, version, machineVersion, state) {
      guard(() => upsert.run(stream, version, machineVersion, JSON.stringify(state)))
    },
    loadSnapshot(stream, machineVersion) {
      const row = guard(() => select.get(stream, machineVersion))
      return row && { version: row.version, state: JSON.parse(row.state) as unknown }
    },
  }
}

/** All snapshots of a version of the machine, by stream. */
export function allSnapshots(
  connection: Connection,
  machineVersion: number,
): ReadonlyMap<string, SavedSnapshot> {
  const rows = connection
    .prepare<[number], SnapshotRow & { readonly stream: string }>(
      'SELECT stream, version, state FROM snapshots WHERE machine_version = ?',
    )
    .all(machineVersion)
  return new Map(rows.map(({ stream, version, state }) => [stream, { version, state: parsed(state) }]))
}

/** Text that is no JSON any more equals no state. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
