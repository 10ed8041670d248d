/** Whether a database is what was written: the log's hashes, SQLite's own checks, the end of the log, and all rows against a replay of the log. */
import { machineVersion } from '../../machines/container-life.ts'
import { type Head, requireHead } from '../store/anchor.ts'
import type { Connection } from '../store/connection.ts'
import { isDamage } from '../store/errors.ts'
import { checkFile } from '../store/integrity.ts'
import { ownMigrations, requireSchema } from '../store/migrate.ts'
import { lookInto } from '../store/offline.ts'
import type { Damage } from '../store/port.ts'
import { filledByVersion } from '../store/projections.ts'
import { openReader } from '../store/reader.ts'
import { compareProjections } from '../store/scratch.ts'
import { allSnapshots } from '../store/snapshots.ts'
import { upcasts } from '../store/upcast.ts'
import { checkLog } from '../store/verify.ts'
import { projectionVersion, replay, snapshotFits } from './replay.ts'

export interface Verdict {
  readonly events: number
  readonly streams: number
  /** What was found first, at most `mostDamages`. Empty: all is well. */
  readonly damages: readonly Damage[]
}

export const mostDamages = 20

/**
 * Holds its thread for the length of the log.
 * @param head how far the log had come, by a witness outside of the database.
 * @throws TallyError if it can't be checked: not there, in use, of another schema.
 */
export function verifyDatabase(path: string, head?: Head): Verdict {
  try {
    return lookInto(path, (connection) => verdictOn(connection, head))
  } catch (error) {
    if (!isDamage(error)) throw error
    return unreadable(error)
  }
}

function verdictOn(connection: Connection, head: Head | undefined): Verdict {
  requireSchema(connection, ownMigrations)
  const damages: Damage[] = []
  const log = checkLog(connection)
  let step = log.next()
  for (; step.done !== true; step = log.next())
    if (damages.length < mostDamages) damages.push({ kind: 'event', ...step.value })
  if (head !== undefined) damages.push(...requireHead(connection, head))
  damages.push(...checkFile(connection))
  // Rows that are derived from a damaged log prove nothing; those of another build are derived anew when ours opens the database.
  if (damages.length === 0 && !isOfAnotherBuild(connection)) damages.push(...derived(connection))
  return { ...step.value, damages: damages.slice(0, mostDamages) }
}

function isOfAnotherBuild(connection: Connection): boolean {
  const filledBy = filledByVersion(connection)
  return filledBy !== 0 && filledBy !== projectionVersion
}

function derived(connection: Connection): readonly Damage[] {
  const stale: Damage[] = []
  const snapshots = allSnapshots(connection, machineVersion)
  const { readAll } = openReader(connection, (work) => work(), upcasts)
  const rows = compareProjections(connection, (projections) => {
    const take = replay({
      ...projections,
      onLife(recorded, life) {
        if (!snapshotFits(snapshots, recorded, life)) stale.push(staleSnapshot(recorded.stream))
      },
    })
    for (const recorded of readAll()) take(recorded)
  })
  return [...stale, ...rows]
}

const staleSnapshot = (stream: string): Damage => ({
  kind: 'projection',
  message: `the snapshot of ${stream} differs from what the log says`,
})

/** The verdict on a file of which SQLite can make nothing. */
export function unreadable({ message }: Error): Verdict {
  const sentence = `the database file is damaged and cannot be read: ${message}`
  return { events: 0, streams: 0, damages: [{ kind: 'file', message: sentence }] }
}
