/** The event store over one SQLite connection: puts together appending, reading, snapshots, flushing and checkpoints. */
import type { Anchor, Head } from './anchor.ts'
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

/** For copies: how to keep the file as it is meanwhile, and what a copy must hold. */
interface CopyPorts {
  readonly hold: () => () => void
  readonly newest: () => Head | undefined
}

export interface EventStoreOptions extends AppenderOptions {
  readonly connection: Connection
  readonly wal: Wal
  readonly anchor: Anchor
  readonly guard: Guard
  readonly onFatal: (error: unknown) => void
  readonly onWarning: (error: unknown) => void
  /** Runs before the last checkpoint. */
  readonly onClosing: () => Promise<void>
  /** Runs when the store is closed and flushed. */
  readonly onClose: () => void
}

export function openEvents(options: EventStoreOptions): EventStore & CopyPorts {
  const { connection, wal, anchor, guard, onFatal, onWarning, onClosing, onClose } = options
  const appender = openAppender(connection, options)
  const listeners = appendListeners(onWarning)
  const flush = groupFlush(flushAndAnchor)
  const checkpoint = checkpoints(connection, { durable: flush.durable, onFatal })
  const reader = openReader(connection, guard, options.upcasts)
  let head: Head | undefined
  let closed: Promise<void> | undefined

  async function flushAndAnchor(): Promise<void> {
    const covered = head
    await wal.flush()
    if (covered !== undefined) anchor.moved(covered)
  }

  async function close(): Promise<void> {
    await onClosing()
    await flush.durable()
    await anchor.close()
    checkpoint.finish()
    onClose()
  }

  return {
    ...reader,
    ...openSnapshots(connection, guard),
    append(append) {
      const recorded = guard(() => appender.append(append))
      head = recorded.at(-1) ?? head
      flush.wrote()
      listeners.notify(recorded)
      checkpoint.wrote()
      return recorded
    },
    durable: flush.durable,
    onAppend: listeners.add,
    verify: () => guard(() => verifyLog(connection)),
    hold: checkpoint.hold,
    newest: () => head ?? [...reader.readAll({ after: reader.head() - 1 })].at(-1),
    close: () => (closed ??= close()),
  }
}
