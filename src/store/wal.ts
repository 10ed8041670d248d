/**
 * Our own descriptor of the write-ahead log, for flushing it without blocking the event loop.
 *
 * One fdatasync of it covers every commit: a commit's frames are in this file until a checkpoint has copied them, and SQLite writes over
 * them only after the checkpoint's fsync of the database (synchronous=NORMAL). As long as the connection lives SQLite resets or truncates
 * the file but never replaces it, so the descriptor stays right; it is opened before anything else can fail unseen, because the
 * kernel reports a failed write-back once to each descriptor that was open at the time, fsync(2).
 */
import { closeSync, fdatasync, fsyncSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

export interface Wal {
  /** Rejects after it has told `onFatal`. */
  flush(): Promise<void>
  close(): void
}

/** @param path of the database; its WAL must exist. The names of both are made durable at once. */
export function openWal(path: string, onFatal: (error: unknown) => void): Wal {
  const descriptor = openSync(`${path}-wal`, 'r')
  syncDirectory(dirname(path))
  return { flush: () => flush(descriptor, onFatal), close: () => closeSync(descriptor) }
}

function flush(descriptor: number, onFatal: (error: unknown) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    fdatasync(descriptor, (error) => {
      if (error === null) return resolve()
      onFatal(error)
      reject(error)
    })
  })
}

function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
