/** The one connection to the database: private files, and the settings that every promise of the store rests on. */
import { closeSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'

export type Connection = Database.Database

/**
 * Exclusive locking keeps other processes out and the WAL's index in memory, so that there is no `-shm` file that a full disk could break.
 * synchronous=NORMAL: a commit writes to the WAL and does not wait for the disk (`flush.ts` does), but a checkpoint and the restart of the WAL do.
 * Checkpoints are ours (`checkpoint.ts`), because SQLite's automatic one swallows the errors of its fsync.
 * recursive_triggers: without it INSERT OR REPLACE deletes rows behind the trigger's back.
 */
const settings = [
  'locking_mode = EXCLUSIVE',
  'journal_mode = WAL',
  'synchronous = NORMAL',
  'wal_autocheckpoint = 0',
  'journal_size_limit = 67108864',
  'foreign_keys = ON',
  'recursive_triggers = ON',
  'trusted_schema = OFF',
  'cell_size_check = ON',
  'mmap_size = 0',
  'cache_size = -4096',
]

export function connect(path: string): Connection {
  createPrivate(path)
  const connection = new Database(path, { timeout: 5000 })
  try {
    for (const setting of settings) connection.pragma(setting)
    requireWal(connection)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

/** SQLite answers with the mode that it kept, and no error, where the file system cannot do WAL. */
function requireWal(connection: Connection): void {
  const mode = connection.pragma('journal_mode', { simple: true })
  if (mode !== 'wal') throw new Error(`its file system supports no write-ahead log (journal mode ${mode})`)
}

/**
 * Creates the file with mode 0600; SQLite gives the same mode to its WAL. A file that is there is not opened: closing a
 * descriptor would drop the locks which this process holds on it, fcntl(2).
 */
export function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

/** The end of the range of texts that begin with `prefix`: SQLite compares UTF-8 bytes, and none is above U+10FFFF. */
export const prefixEnd = (prefix: string): string => `${prefix}\u{10FFFF}`

/** Projections change with the events that they are derived from, or not at all. */
export function requireTransaction(connection: Connection): void {
  if (!connection.inTransaction) throw new Error('a projection is written outside of an append')
}

/** For looking only: keeps nothing from the file's owner and changes nothing, nor does it merge a WAL that is there. */
export function connectReadOnly(path: string): Connection {
  const connection = new Database(path, { readonly: true, fileMustExist: true, timeout: 0 })
  for (const setting of ['trusted_schema = OFF', 'cell_size_check = ON', 'mmap_size = 0'])
    connection.pragma(setting)
  return connection
}
