/**
 * Checkpoints on the connection of the writer, at a quiet moment, after a flush that blocks nobody: what is left to wait for is
 * the copying of some hundred pages and one fsync of the database.
 *
 * Measured: 3 to 8 ms for 256 commits on a quiet machine, 130 ms at worst beside builds that keep the disk busy. A second connection in a worker thread would block nothing, but its passive
 * checkpoint never lets a busy writer start the WAL anew (172 MB after 6000 commits), and it would need the shared `-shm` file.
 */
import type { Connection } from './connection.ts'
import { isFull } from './errors.ts'

export interface Checkpoints {
  /** A commit was written. */
  wrote(): void
  /** None happens until what this returns is called: the database file stays as it is, the WAL grows. */
  hold(): () => void
  /** Copies all of the WAL and empties it; there will be no more commits. */
  finish(): void
}

export interface CheckpointOptions {
  /** Flushes the WAL; rejects only after it has reported why. */
  readonly durable: () => Promise<void>
  /** Gets every error but that of a full disk: then the WAL keeps what it has, and a later checkpoint tries again. */
  readonly onFatal: (error: unknown) => void
  /** Commits after which a quiet moment is looked for; each writes 4 to 8 pages of 4 KiB. */
  readonly due?: number
  /** Commits after which it is done without one. */
  readonly overdue?: number
  /** What counts as quiet: so long without a commit. */
  readonly quietMilliseconds?: number
}

export function checkpoints(
  connection: Connection,
  { durable, onFatal, due = 256, overdue = 1024, quietMilliseconds = 50 }: CheckpointOptions,
): Checkpoints {
  let commits = 0
  let timer: NodeJS.Timeout | undefined
  let finished = false
  let holders = 0

  function copy(mode: 'PASSIVE' | 'TRUNCATE'): void {
    try {
      connection.pragma(`wal_checkpoint(${mode})`)
    } catch (error) {
      if (!isFull(error)) onFatal(error)
    }
  }

  function run(): void {
    clearTimeout(timer)
    timer = undefined
    if (holders > 0) return
    commits = 0
    durable().then(
      () => finished || holders > 0 || copy('PASSIVE'),
      () => undefined,
    )
  }

  function waitForQuiet(): void {
    if (timer !== undefined) timer.refresh()
    timer ??= setTimeout(run, quietMilliseconds).unref()
  }

  return {
    wrote() {
      commits++
      if (holders > 0) return
      if (commits >= overdue) return run()
      if (commits >= due) waitForQuiet()
    },
    hold() {
      holders++
      return () => {
        holders--
        if (commits >= due) waitForQuiet()
      }
    },
    finish() {
      clearTimeout(timer)
      finished = true
      copy('TRUNCATE')
    },
  }
}
