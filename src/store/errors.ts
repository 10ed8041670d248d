/** What can go wrong in the store: the two refusals that callers handle, and the sorting of SQLite's errors into full, fatal and bugs. */
import Database from 'better-sqlite3'
import { TallyError } from '../errors.ts'
import { whyRefused } from './refusal.ts'

/** Somebody else appended to the stream since the caller read it. */
export class WrongVersionError extends Error {
  readonly stream: string
  readonly expected: number
  readonly actual: number

  constructor(stream: string, expected: number, actual: number) {
    super(`stream ${stream} is at version ${actual}, not at ${expected}`)
    this.name = 'WrongVersionError'
    this.stream = stream
    this.expected = expected
    this.actual = actual
  }
}

/** Another container that is not removed has the name. The message is Docker's. */
export class NameTakenError extends TallyError {
  readonly containerName: string
  readonly ownerId: string

  constructor(containerName: string, ownerId: string) {
    super(
      'conflict',
      `Conflict. The container name "/${containerName}" is already in use by container "${ownerId}". ` +
        'You have to remove (or rename) that container to be able to reuse that name.',
    )
    this.name = 'NameTakenError'
    this.containerName = containerName
    this.ownerId = ownerId
  }
}

/** One sentence for whoever starts the daemon. */
export function cannotOpen(path: string, cause: unknown): TallyError {
  const reason = whyRefused(path) ?? (cause instanceof Error ? cause.message : String(cause))
  return new TallyError('unavailable', `cannot open the database ${path}: ${reason}`, { cause })
}

/** Runs work on the database and sorts what it throws. */
export type Guard = <T>(work: () => T) => T

/**
 * After an I/O error or damage nothing that this process believes about the file is sure: pages whose write failed may be marked clean,
 * so that a later fsync succeeds without them (Rebello et al., USENIX ATC 2020). Such an error goes to `onFatal`, which has to end the process.
 * A write that the file system refuses has changed nothing, and what came before it answers for itself at the next flush.
 * @param whyRefused asked after a failed write: says why the file system takes none, or nothing if it would.
 */
export function guardWith(
  onFatal: (error: unknown) => void,
  whyRefused: () => string | undefined = () => undefined,
): Guard {
  return (work) => {
    try {
      return work()
    } catch (error) {
      if (isFull(error)) throw cannotGrow('no space left on device', error)
      const refusal = hasCode(error, 'SQLITE_IOERR_WRITE') ? whyRefused() : undefined
      if (refusal !== undefined) throw cannotGrow(refusal, error)
      if (isFatal(error)) onFatal(error)
      throw error
    }
  }
}

export const isUniqueViolation = (error: unknown): boolean => hasCode(error, 'SQLITE_CONSTRAINT_UNIQUE')

export const isFull = (error: unknown): boolean => hasCode(error, 'SQLITE_FULL')
export const isBusy = (error: unknown): boolean => hasCode(error, 'SQLITE_BUSY')

/** The default of `onFatal`: says so and ends the process; a supervisor of services may start it again. */
export function exitProcess(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error)
  process.stderr.write(
    `tallyd: the event store failed and cannot be trusted until it is opened again: ${reason}\n`,
  )
  process.exit(1)
}

/** What is in the file is not what SQLite wrote. */
export const isDamage = (error: unknown): error is Error =>
  hasCode(error, 'SQLITE_CORRUPT') || hasCode(error, 'SQLITE_NOTADB')

const isFatal = (error: unknown): boolean => isDamage(error) || hasCode(error, 'SQLITE_IOERR')

function hasCode(error: unknown, prefix: string): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith(prefix)
}

const cannotGrow = (reason: string, cause: unknown): TallyError =>
  new TallyError('unavailable', `${reason}: the event log cannot grow`, { cause })
