/** The event store in memory, over what outlives it: as the real one, down to the text of events and the hashes that chain them. */

import type { Clock } from '../../src/clock.ts'
import { chainHash, genesis } from '../../src/store/chain.ts'
import { WrongVersionError } from '../../src/store/errors.ts'
import { groupFlush } from '../../src/store/flush.ts'
import { appendListeners } from '../../src/store/listeners.ts'
import type { Store } from '../../src/store/open.ts'
import type { Append, ChainDamage, EventData, EventStore, RecordedEvent } from '../../src/store/port.ts'
import { dataText, type EventRow, metaText, recordedEvent } from '../../src/store/recorded.ts'
import { currentSchema, upcasts } from '../../src/store/upcast.ts'
import type { MemoryDisk } from './memory-disk.ts'
import { memoryContainers, memoryMessages } from './memory-rows.ts'

export interface MemoryStoreOptions {
  readonly disk: MemoryDisk
  readonly clock: Clock
  readonly bootId: string
  /** How long a flush takes. */
  readonly flushing: () => Promise<void>
}

/** What the engine needs of a store. */
export type EngineStore = Pick<Store, 'events' | 'containers' | 'messages'>

/** With a look at a row as it was stored: reading it in full after every event would cost more than all else. */
export interface SimulatedStore extends EngineStore {
  /** The version of a container's row and the JSON of its state. */
  row(id: string): { readonly version: number; readonly state: string } | undefined
}

export function openMemoryStore(options: MemoryStoreOptions): SimulatedStore {
  const { disk } = options
  return {
    row: (id) => disk.containers.get(id),
    events: memoryEvents(options),
    containers: memoryContainers(disk),
    messages: memoryMessages(disk),
  }
}

function memoryEvents({ disk, clock, bootId, flushing }: MemoryStoreOptions): EventStore {
  const listeners = appendListeners(() => undefined)
  const { wrote, durable } = groupFlush(async () => {
    const flushed = disk.flush()
    await flushing()
    flushed()
  })

  function append<E extends EventData>(append: Append<E>): readonly RecordedEvent<E>[] {
    if (disk.inTransaction) throw new Error(`append to ${append.stream} within another append`)
    const recorded = disk.transact(() => recordAll(disk, append, metaText(append, clock, bootId)))
    wrote()
    listeners.notify(recorded)
    return recorded
  }

  return {
    append,
    durable,
    read: <E extends EventData>(stream: string, { after = 0 }: { readonly after?: number } = {}) =>
      (disk.streams.get(stream) ?? []).slice(after).map((row) => recordedEvent<E>(row, upcasts)),
    readAll: (range) => readAll(disk, range),
    streams: (prefix) => streams(disk, prefix),
    head: () => disk.log.length,
    saveSnapshot(stream, version, machineVersion, state) {
      const snapshot = { version, machineVersion, state: JSON.stringify(state) }
      disk.transact(() => disk.set(disk.snapshots, stream, snapshot))
      wrote()
    },
    loadSnapshot(stream, machineVersion) {
      const found = disk.snapshots.get(stream)
      if (found?.machineVersion !== machineVersion) return undefined
      return { version: found.version, state: JSON.parse(found.state) as unknown }
    },
    onAppend: listeners.add,
    verify: () => ({ events: disk.log.length, damage: firstDamage(disk) }),
    close: durable,
  }
}

function recordAll<E extends EventData>(
  disk: MemoryDisk,
  { stream, expectedVersion, events, project }: Append<E>,
  meta: string,
): readonly RecordedEvent<E>[] {
  const rows = disk.streams.get(stream) ?? []
  if (rows.length !== expectedVersion) throw new WrongVersionError(stream, expectedVersion, rows.length)
  if (!disk.streams.has(stream)) disk.set(disk.streams, stream, rows)
  const recorded = events.map((event) => record<E>(disk, rows, { stream, event, meta }))
  project?.(recorded)
  return recorded
}

function record<E extends EventData>(
  disk: MemoryDisk,
  rows: EventRow[],
  { stream, event, meta }: { readonly stream: string; readonly event: E; readonly meta: string },
): RecordedEvent<E> {
  const { type } = event
  const [version, schema, data] = [rows.length + 1, currentSchema(upcasts, type), dataText(event)]
  const stored = { stream, version, type, schema, data, meta }
  const hash = chainHash(rows.at(-1)?.hash ?? genesis, stored)
  const row = { ...stored, position: disk.log.length + 1, hash }
  disk.push(disk.log, row)
  disk.push(rows, row)
  return recordedEvent<E>(row, upcasts)
}

function* readAll(
  { log }: MemoryDisk,
  { after = 0, limit = Number.POSITIVE_INFINITY }: { readonly after?: number; readonly limit?: number } = {},
): Generator<RecordedEvent> {
  for (let next = after; next < after + limit; next += 1) {
    const row = log[next]
    if (row === undefined) return
    yield recordedEvent(row, upcasts)
  }
}

function streams({ streams }: MemoryDisk, prefix: string): ReturnType<EventStore['streams']> {
  const found = [...streams].filter(([stream, rows]) => stream.startsWith(prefix) && rows.length > 0)
  return found.map(([stream, { length: version }]) => ({ stream, version })).toSorted(byStream)
}

const byStream = (a: { readonly stream: string }, b: { readonly stream: string }): number =>
  a.stream < b.stream ? -1 : 1

function firstDamage({ log }: MemoryDisk): ChainDamage | undefined {
  const hashes = new Map<string, string>()
  for (const row of log) {
    const { stream, version, position, hash } = row
    if (chainHash(hashes.get(stream) ?? genesis, row) !== hash)
      return { stream, version, position, message: 'its hash does not fit' }
    hashes.set(stream, hash)
  }
  return undefined
}
