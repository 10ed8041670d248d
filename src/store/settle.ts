/** Makes one file of a copied database and its WAL, readable anywhere: in journal mode WAL even a reader has to be able to write beside it. */
import Database from 'better-sqlite3'
import { TallyError } from '../errors.ts'
import { type Head, requireHead } from './anchor.ts'
import { isDamage, isFull } from './errors.ts'

export interface Settled {
  /** Position of its newest event. */
  readonly events: number
}

/** Holds its thread while the WAL is merged. @throws TallyError unavailable for a full disk; SQLite's own error for damage. */
export function settle(path: string): void {
  const connection = new Database(path, { fileMustExist: true })
  try {
    connection.pragma('locking_mode = EXCLUSIVE')
    connection.pragma('synchronous = OFF')
    connection.pragma('journal_mode = DELETE')
  } catch (cause) {
    if (!isFull(cause)) throw cause
    throw new TallyError('unavailable', 'no space left on device for a copy of the database', { cause })
  } finally {
    connection.close()
  }
}

/** @param head an event that the copy has to hold. @throws TallyError internal for a copy that is damaged. */
export function settleBackup(path: string, head: Head | undefined): Settled {
  try {
    settle(path)
    const connection = new Database(path, { readonly: true })
    try {
      const [lost] = head === undefined ? [] : requireHead(connection, head)
      if (lost !== undefined) throw damaged(lost.message)
      const select = connection.prepare<[], number>('SELECT coalesce(max(position), 0) FROM events')
      return { events: select.pluck().get() ?? 0 }
    } finally {
      connection.close()
    }
  } catch (error) {
    throw isDamage(error) ? damaged(error.message) : error
  }
}

const damaged = (reason: string): TallyError =>
  new TallyError(
    'internal',
    `the database is damaged, so there is no backup of it: ${reason}; run tally verify`,
  )
