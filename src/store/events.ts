/** The event store over one SQLite connection: puts together appending, reading, snapshots, flushing and checkpoints. */
import { type AppenderOptions, openAppender } from './appender.ts'
import { checkpoints } from './checkpoint.ts'
import type { Connection } from './connection.ts'
import type { Guard } from './errors.ts'
import { groupFlush } from './flush.ts'
import { appendListeners } from './listeners.ts'
import type { EventStore } from './port.ts'
import { openReader } from './reader.ts'
import { openSnapshots } from './snapshots.ts'
import { verifyLog } from './verify.ts'
import type { Wal } from './wal.ts'

export interface EventStoreOptions extends AppenderOptions {
  readonly connection: Connection
  readonly wal: Wal
  readonly guard: Guard
  readonly onFatal: (error: unknown) => void
  readonly onListenerError: (error: unknown) => void
  /** Runs when the store is closed and flushed. */
  readonly onClose: () => void
}

export function openEvents(options: EventStoreOptions): EventStore {
  const { connection, wal, guard, onFatal, onListenerError, onClose } = options
  const appender = openAppender(connection, options)
  const listeners = appendListeners(onListenerError)
  const flush = groupFlush(wal.flush)
  const checkpoint = checkpoints(connection, { durable: flush.durable, onFatal })
  let closed: Promise<void> | undefined

  async function close(): Promise<void> {
    await flush.durable()
    checkpoint.finish()
    onClose()
  }

  return {
    ...openReader(connection, guard, options.upcasts),
    ...openSnapshots(connection, guard),
    append(append) {
      const recorded = guard(() => appender.append(append))
      flush.wrote()
      listeners.notify(recorded)
      checkpoint.wrote()
      return recorded
    },
    durable: flush.durable,
    onAppend: listeners.add,
    verify: () => guard(() => verifyLog(connection)),
    close: () => (closed ??= close()),
  }
}
