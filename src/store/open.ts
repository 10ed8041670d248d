/** Opens the store: lock, connection, migrations, then the events and their projections. */
import type { Clock } from '../clock.ts'
import { TallyError } from '../errors.ts'
import { checkAnchor, type Head, openAnchor } from './anchor.ts'
import { type Connection, connect } from './connection.ts'
import { openContainers } from './containers.ts'
import { openCopier } from './copy.ts'
import { cannotOpen, exitProcess, guardWith } from './errors.ts'
import { openEvents } from './events.ts'
import { openImages } from './images.ts'
import { type Lock, takeLock } from './lock.ts'
import { openMessages } from './messages.ts'
import { migrate, ownMigrations } from './migrate.ts'
import type { ContainerRows, EventStore, ImageRows, MessageRows, RecordedEvent, VolumeRows } from './port.ts'
import { openProjections } from './projections.ts'
import { whyRefused } from './refusal.ts'
import { type Upcasts, upcasts } from './upcast.ts'
import { openVolumes } from './volumes.ts'
import { openWal } from './wal.ts'

export interface StoreOptions {
  /** The database; its directory must exist. */
  readonly path: string
  readonly clock: Clock
  /** Taken already by the caller, who also releases it. Absent: the store takes one for as long as it is open. */
  readonly lock?: Lock
  /** Of this boot of the host: goes into the metadata of every event. */
  readonly bootId: string
  /** Directory of the numbered SQL files. */
  readonly migrations?: string
  readonly upcasts?: Upcasts
  /** After an I/O error or damage: has to end the process. Default: says so on stderr and exits with 1. */
  readonly onFatal?: (error: unknown) => void
  /** Gets what breaks no promise: what a listener of `onAppend` throws, an anchor that could not be written. Default: a warning of the process. */
  readonly onWarning?: (error: unknown) => void
}

export interface Store {
  readonly events: EventStore
  readonly containers: ContainerRows
  readonly messages: MessageRows
  readonly images: ImageRows
  readonly volumes: VolumeRows
  /**
   * Empties all projections and snapshots and fills the projections anew, in one transaction: `project` gets the whole log, one event at a time, and puts rows
   * as the `project` of an append does.
   */
  rebuild(project: (event: RecordedEvent) => void): void
  /** The same, if the projections were filled by code of another version. @returns whether they were. */
  catchUp(version: number, project: (event: RecordedEvent) => void): boolean
  /**
   * Copies the database while it goes on being used, to `target` and `<target>-wal`, which must not exist.
   * @returns the newest event of the log at the call; the copy may also have what came a little later.
   */
  copy(target: string, signal: AbortSignal): Promise<Head | undefined>
  close(): Promise<void>
}

/** @throws TallyError conflict if another daemon has the database; unavailable if it cannot be opened or is of a newer Tallyman. */
export function openStore(options: StoreOptions): Store {
  try {
    return openLocked(options, options.lock ? borrowed : takeLock(options.path))
  } catch (error) {
    throw error instanceof TallyError ? error : cannotOpen(options.path, error)
  }
}

const borrowed: Lock = { release: () => undefined }

function openLocked(options: StoreOptions, lock: Lock): Store {
  const { path, clock, migrations = ownMigrations } = options
  let connection: Connection | undefined
  try {
    connection = connect(path)
    migrate(connection, migrations, clock.now())
    checkAnchor(connection, path)
    return assemble(options, connection, lock)
  } catch (error) {
    connection?.close()
    lock.release()
    throw error
  }
}

function assemble(options: StoreOptions, connection: Connection, lock: Lock): Store {
  const { path, onFatal = exitProcess, onWarning = warn } = options
  const guard = guardWith(onFatal, () => whyRefused(path))
  const wal = openWal(path, onFatal)
  const onClose = () => {
    connection.close()
    wal.close()
    copier.release()
    lock.release()
  }
  const anchor = openAnchor(path, { onWarning })
  const onClosing = () => copier.close()
  const own = { connection, wal, anchor, guard, onFatal, onWarning, onClosing, onClose }
  const { hold, newest, ...events } = openEvents({ upcasts, ...options, ...own })
  const copier = openCopier(path, hold)
  const projections = openProjections(connection, guard)
  return {
    events,
    async copy(target, signal) {
      const head = newest()
      await copier.copy(target, signal)
      return head
    },
    containers: openContainers(connection, guard),
    messages: openMessages(connection, guard),
    images: openImages(connection, guard),
    volumes: openVolumes(connection, guard),
    rebuild: (project) => projections.rebuild(() => forEach(events.readAll(), project)),
    catchUp: (version, project) => projections.catchUp(version, () => forEach(events.readAll(), project)),
    close: events.close,
  }
}

function forEach<T>(items: Iterable<T>, visit: (item: T) => void): void {
  for (const item of items) visit(item)
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}
