/** Fills everything that is derived from the log anew, and knows which version of the deriving code filled it. */
import { inTransaction } from './appender.ts'
import type { Connection } from './connection.ts'
import type { Guard } from './errors.ts'

export interface Projections {
  /** Empties all projections and fills them, in one transaction. */
  rebuild(fill: () => void): void
  /** The same, but only if code of another version filled them, or nobody knows which. @returns whether it was so. */
  catchUp(version: number, fill: () => void): boolean
}

export function openProjections(connection: Connection, guard: Guard): Projections {
  function refill(fill: () => void): void {
    connection.exec(
      'DELETE FROM volumes; DELETE FROM tags; DELETE FROM images; DELETE FROM messages; DELETE FROM containers; DELETE FROM snapshots',
    )
    fill()
  }

  return {
    rebuild: (fill) => guard(() => inTransaction(connection, () => refill(fill))),
    catchUp(version, fill) {
      if (guard(() => filledByVersion(connection)) === version) return false
      guard(() =>
        inTransaction(connection, () => {
          refill(fill)
          connection.pragma(`user_version = ${version}`)
        }),
      )
      return true
    },
  }
}

/** 0: nobody has told. It is SQLite's user_version, a number in the file's header that changes with the transaction. */
export const filledByVersion = (connection: Connection): number =>
  Number(connection.pragma('user_version', { simple: true }))
