/** Looks into a database that no daemon uses, and leaves it and its directory as they were. */
import { accessSync, constants, existsSync, rmSync } from 'node:fs'
import { TallyError } from '../errors.ts'
import { type Connection, connectReadOnly } from './connection.ts'
import { isBusy, isDamage } from './errors.ts'
import { takeLock } from './lock.ts'

/**
 * No daemon can open it until `look` returns.
 * @throws TallyError unavailable or conflict if it can't be read; SQLite's own error for damage.
 */
export function lookInto<T>(path: string, look: (connection: Connection) => T): T {
  requireReadable(path)
  const lock = existsSync(`${path}.lock`) ? takeLock(path) : undefined
  const traces = [`${path}-shm`, `${path}-wal`].filter((file) => !existsSync(file))
  try {
    return read(path, look)
  } finally {
    // SQLite makes both for a reader too, and empty. While it was open nobody else could write.
    for (const file of traces) rmSync(file, { force: true })
    lock?.release()
  }
}

function read<T>(path: string, look: (connection: Connection) => T): T {
  let connection: Connection | undefined
  try {
    connection = connectReadOnly(path)
    return look(connection)
  } catch (error) {
    throw isDamage(error) || error instanceof TallyError ? error : unreadable(path, error)
  } finally {
    connection?.close()
  }
}

function requireReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK)
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    const reason = missing ? 'no such file' : 'it cannot be read'
    throw new TallyError('unavailable', `cannot open the database ${path}: ${reason}`, { cause })
  }
}

function unreadable(path: string, cause: unknown): TallyError {
  if (isBusy(cause))
    return new TallyError('conflict', `another tallyd is using the database ${path}`, { cause })
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new TallyError('unavailable', `cannot read the database ${path}: ${reason}`, { cause })
}
