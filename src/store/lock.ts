/** The guard against a second daemon on the same database: an exclusive transaction on an empty database beside it, held for life. */
import Database from 'better-sqlite3'
import { TallyError } from '../errors.ts'
import { type Connection, createPrivate } from './connection.ts'
import { cannotOpen, isBusy } from './errors.ts'

export interface Lock {
  release(): void
}

/**
 * The kernel drops the lock when the process ends, however it ends.
 * @throws TallyError conflict if another daemon holds it; unavailable if it can't be taken.
 */
export function takeLock(path: string): Lock {
  try {
    const lockPath = `${path}.lock`
    createPrivate(lockPath)
    const connection = new Database(lockPath, { timeout: 0 })
    begin(connection, path)
    return { release: () => connection.close() }
  } catch (error) {
    throw error instanceof TallyError ? error : cannotOpen(path, error)
  }
}

function begin(connection: Connection, path: string): void {
  try {
    connection.pragma('journal_mode = MEMORY')
    connection.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    connection.close()
    if (!isBusy(cause)) throw cause
    throw new TallyError('conflict', `another tallyd is using the database ${path}`, { cause })
  }
}
