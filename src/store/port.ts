/**
 * The event store as everything above it sees it. One SQLite file, one writer (this process), WAL.
 *
 * Glossary. *Stream*: the events of one thing, `container/<id>`, `image/<id>`, `volume/<name>`, `volumes`, `daemon`. *Version*: an event's place in its stream, from 1.
 * *Position*: its place in the whole log, from 1, without gaps, in commit order.
 *
 * `append` is synchronous and atomic: when it returns, the events survive any crash of the process. What is promised to a client waits for
 * `durable()` as well: then they survive a power cut. One flush serves all appends that were waiting (group commit) and blocks no thread of ours.
 *
 *     store.append({ stream, expectedVersion: 3, events: [{ type: 'ContainerRenamed', name, oldName }], origin })
 *     await store.durable()
 */
import type { Origin } from '../origin.ts'

export interface EventData {
  readonly type: string
}

export interface EventMeta {
  /** Wall time, RFC 3339 with nanoseconds. */
  readonly time: string
  /** Nanoseconds of the monotonic clock as decimal text; comparable within one boot. */
  readonly monotonic: string
  readonly bootId: string
  /** The request that caused it, directly or through other events. */
  readonly correlationId?: string
  /** Position of the event that caused it. */
  readonly causationId?: number
  readonly request?: string
  readonly uid?: number
  readonly pid?: number
}

export interface RecordedEvent<E extends EventData = EventData> {
  readonly position: number
  readonly stream: string
  readonly version: number
  /** Version of the shape of `event` as stored; what is read is always upcast to the current one. */
  readonly schema: number
  readonly event: E
  readonly meta: EventMeta
  /** sha-256, hex, over the previous hash of the stream and this event's canonical bytes. */
  readonly hash: string
}

export interface Append<E extends EventData> {
  readonly stream: string
  /** The version of the stream's last event; 0: the stream must not exist. */
  readonly expectedVersion: number
  readonly events: readonly E[]
  readonly origin?: Origin
  readonly causationId?: number
  /** Writes the projections of these events in the same transaction. A throw rolls everything back. */
  readonly project?: (recorded: readonly RecordedEvent<E>[]) => void
}

export interface EventStore {
  /**
   * @throws WrongVersionError if the stream is not at `expectedVersion`; TallyError unavailable for a full disk.
   * Damage and I/O errors are fatal: the process must end and re-open (FACTS: a failed fsync may have lost data).
   */
  append<E extends EventData>(append: Append<E>): readonly RecordedEvent<E>[]
  /** Answers when all that was appended before the call is safe against a power cut. */
  durable(): Promise<void>
  read<E extends EventData>(
    stream: string,
    options?: { readonly after?: number },
  ): readonly RecordedEvent<E>[]
  /** The log in order of position, in pages read as they are consumed. */
  readAll(options?: { readonly after?: number; readonly limit?: number }): Iterable<RecordedEvent>
  streams(prefix: string): readonly { readonly stream: string; readonly version: number }[]
  /** Position of the newest event; 0 if there is none. */
  head(): number
  saveSnapshot(stream: string, version: number, machineVersion: number, state: unknown): void
  loadSnapshot(
    stream: string,
    machineVersion: number,
  ): { readonly version: number; readonly state: unknown } | undefined
  /** Calls back after each commit with what was appended. Returns the unsubscriber. */
  onAppend(listener: (recorded: readonly RecordedEvent[]) => void): () => void
  /** Checks every hash, holding the thread for the length of the log. @returns the first event that does not fit, by stream and position. */
  verify(): { readonly events: number; readonly damage: ChainDamage | undefined }
  close(): Promise<void>
}

/** An event that does not fit. One that is missing or can't be read has its position only: stream '' and version 0. */
export interface ChainDamage {
  readonly stream: string
  readonly version: number
  readonly position: number
  readonly message: string
}

/** Something in the database that is not what was written there. */
export type Damage =
  /** An event; one that is missing or can't be read has stream '' and version 0. */
  | ({ readonly kind: 'event' } & ChainDamage)
  /** Not of one event: pages, indexes, the end of the log. */
  | { readonly kind: 'file'; readonly message: string }
  /** Derived from the log, and not what the log says: can be made anew. */
  | { readonly kind: 'projection'; readonly message: string }

/** Projection of containers: one row each, also of removed ones. Names of containers that are not removed are unique. */
export interface ContainerRow {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly removed: boolean
  readonly createdAt: string
  /** The container machine's state value and context, JSON. */
  readonly state: { readonly value: unknown; readonly context: unknown }
}

export interface ContainerRows {
  /** Only within `project`. @throws NameTakenError. */
  put(row: ContainerRow): void
  byId(id: string): ContainerRow | undefined
  /** Not removed ones only. */
  byName(name: string): ContainerRow | undefined
  /** Not removed ones whose id begins so, at most `limit`. */
  byIdPrefix(prefix: string, limit: number): readonly ContainerRow[]
  /** Not removed ones, the newest first. */
  list(): readonly ContainerRow[]
}

/** Projection of what `docker events` shows. */
export interface MessageRow {
  /** Position of the event it was derived from; with `ordinal` its key. */
  readonly position: number
  readonly ordinal: number
  /** Nanoseconds since 1970. */
  readonly timeNano: bigint
  readonly type: string
  readonly action: string
  readonly actorId: string
  readonly attributes: Readonly<Record<string, string>>
}

export interface MessageRows {
  put(row: MessageRow): void
  /** After `position`, with since ≤ time ≤ until, in order, in pages read as they are consumed. */
  range(options: {
    readonly after?: number
    readonly since?: bigint
    readonly until?: bigint
  }): Iterable<MessageRow>
}

/** Projection of volumes: one row each that is there. */
export interface VolumeRow {
  readonly name: string
  readonly createdAt: string
  readonly labels: Readonly<Record<string, string>> | null
  readonly options: Readonly<Record<string, string>> | null
  /** The container that it was made for without a name. */
  readonly anonymousOf?: string
}

export interface VolumeRows {
  put(row: VolumeRow): void
  delete(name: string): void
  byName(name: string): VolumeRow | undefined
  /** By name. */
  list(): readonly VolumeRow[]
}

/** Projection of images and of the names that point to them. */
export interface ImageRow {
  readonly id: string
  readonly size: number
  readonly createdAt: string
  readonly diffIds: readonly string[]
  readonly layers: readonly string[]
  /** The image's config blob, parsed. */
  readonly config: unknown
}

export interface ImageRows {
  put(row: ImageRow): void
  delete(id: string): void
  byId(id: string): ImageRow | undefined
  byIdPrefix(prefix: string, limit: number): readonly ImageRow[]
  list(): readonly ImageRow[]
  setTag(tag: string, imageId: string): void
  deleteTag(tag: string): void
  imageOfTag(tag: string): string | undefined
  tagsOf(imageId: string): readonly string[]
}
