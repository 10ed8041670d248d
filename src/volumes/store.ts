/** The volumes of this daemon: directories on disk, all else events and their rows. */
import type { ResolvedMount } from '../../machines/spec.ts'
import type { VolumeEvent, VolumesEvent } from '../../machines/volume-events.ts'
import type { Clock } from '../clock.ts'
import { conflict, TallyError } from '../errors.ts'
import { betweenPoints, type Faults } from '../faults.ts'
import type { Origin } from '../origin.ts'
import type { Random } from '../random.ts'
import { serial } from '../serial.ts'
import type { EventStore, RecordedEvent, VolumeRow } from '../store/port.ts'
import type { VolumeDirectories } from './directories.ts'
import type { PruneOptions, Volume, VolumeHold, VolumeRequest, Volumes } from './port.ts'
import { projectVolume, type VolumeProjections, volumeStream, volumesStream } from './projection.ts'
import { checkDriver, checkRequest } from './request.ts'
import type { VolumeUses } from './uses.ts'

export interface VolumeStoreOptions {
  readonly store: VolumeProjections & { readonly events: EventStore }
  readonly uses: VolumeUses
  readonly directories: VolumeDirectories
  readonly clock: Clock
  readonly random: Random
  readonly faults: Faults
}

interface Making {
  readonly request: VolumeRequest
  readonly origin: Origin
  readonly containerId?: string
}

export class VolumeStore implements Volumes {
  readonly #options: VolumeStoreOptions
  /** A volume comes and goes in order; others do not wait for that. */
  readonly #inOrder = serial()
  /** Containers that are being created, by the name of a volume that they are to have. */
  readonly #held = new Map<string, Set<string>>()

  constructor(options: VolumeStoreOptions) {
    this.#options = options
  }

  list(): readonly Volume[] {
    return this.#options.store.volumes.list().map((row) => this.#withUsers(row))
  }

  get(name: string): Volume {
    return this.#withUsers(this.#find(name))
  }

  async create(request: VolumeRequest, origin: Origin): Promise<Volume> {
    const row = await this.#make({ request, origin })
    await this.#options.store.events.durable()
    return this.#withUsers(row)
  }

  async remove(name: string, { force }: { readonly force: boolean }, origin: Origin): Promise<void> {
    await this.#inOrder(name, async () => {
      if (await this.#finishRemoval(name)) return
      if (force && this.#options.store.volumes.byName(name) === undefined) return
      this.#find(name)
      const users = this.#usersOf(name)
      if (users.length > 0) throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`)
      await this.#remove(name, origin)
    })
  }

  async prune(
    { isWanted, sizeOf }: PruneOptions,
    origin: Origin,
  ): Promise<{ readonly removed: readonly string[]; readonly reclaimed: number }> {
    const removed: string[] = []
    let reclaimed = 0
    for (const volume of this.list().filter(isWanted)) {
      const size = this.#usersOf(volume.name).length > 0 ? 0 : await sizeOf(volume)
      if (!(await this.#removeUnused(volume.name, undefined, origin))) continue
      removed.push(volume.name)
      reclaimed += size
    }
    this.#append(volumesStream, { type: 'VolumesPruned', reclaimed }, origin)
    await this.#options.store.events.durable()
    return { removed, reclaimed }
  }

  hold(containerId: string, origin: Origin): VolumeHold {
    const kept = new Set<string>()
    const made = new Set<string>()
    const keep = (name: string): void => {
      kept.add(name)
      this.#held.set(name, (this.#held.get(name) ?? new Set()).add(containerId))
    }
    return {
      obtain: async (request) => {
        const row = await this.#make({ request, origin, containerId }, keep)
        if (row.anonymousOf === containerId) made.add(row.name)
        return row
      },
      keep: (name) => {
        const row = this.#find(name)
        keep(name)
        return row
      },
      abandon: async () => {
        for (const name of made) await this.#removeUnused(name, containerId, origin)
      },
      [Symbol.dispose]: () => {
        for (const name of kept) this.#letGo(name, containerId)
      },
    }
  }

  async removeAnonymous(containerId: string, mounts: readonly ResolvedMount[]): Promise<void> {
    for (const mount of mounts)
      if (mount.type === 'volume' && !mount.named) await this.#removeUnused(mount.name, containerId)
  }

  /**
   * Puts right what a crash has left: directories of volumes that were never recorded or are recorded as removed, and anonymous volumes of
   * containers whose creation was not recorded. What the log says nothing of goes only if it is empty.
   */
  async recover(
    isContainer: (id: string) => boolean,
    report: (message: string, fields: object) => void,
  ): Promise<void> {
    const { store, directories } = this.#options
    const isLost = ({ anonymousOf }: VolumeRow) => anonymousOf !== undefined && !isContainer(anonymousOf)
    const known = store.volumes.list()
    const named = new Set(known.map(({ name }) => name))
    const strangers = (await directories.list()).filter((name) => !named.has(name))
    const lost = known.filter(isLost).map(({ name }) => name)
    for (const volume of [...lost, ...strangers]) {
      try {
        const isGone = (await this.#removeUnused(volume, undefined)) || (await this.#removeUnknown(volume))
        report(isGone ? 'orphan released' : 'directory of an unknown volume kept', { kind: 'volume', volume })
      } catch (err) {
        report('orphan not released', { kind: 'volume', volume, err })
      }
    }
  }

  async #removeUnknown(name: string): Promise<boolean> {
    return this.#version(volumeStream(name)) === 0 && (await this.#options.directories.removeEmpty(name))
  }

  #find(name: string): VolumeRow {
    const row = this.#options.store.volumes.byName(name)
    if (row === undefined) throw new TallyError('not-found', `get ${name}: no such volume`)
    return row
  }

  /** @param keep told the name while nobody else can change the volume. */
  async #make({ request, origin, containerId }: Making, keep?: (name: string) => void): Promise<VolumeRow> {
    const { store, directories, random, clock, faults } = this.#options
    const name = request.name || random.hex(32)
    return await this.#inOrder(name, async () => {
      checkDriver(name, request.driver)
      const known = store.volumes.byName(name)
      if (known === undefined) {
        checkRequest({ ...request, name })
        // The files of one that was removed are not the new volume's.
        await this.#finishRemoval(name)
        await betweenPoints(faults, 'volume.make', () => directories.make(name))
      }
      const isAnonymous = request.name === '' && containerId !== undefined
      const row: VolumeRow = known ?? {
        name,
        labels: unlessEmpty(request.labels),
        options: unlessEmpty(request.options),
        createdAt: clock.now(),
        ...(isAnonymous && { anonymousOf: containerId }),
      }
      const event: VolumeEvent =
        known === undefined ? { type: 'VolumeCreated', ...row } : { type: 'VolumeAskedFor' }
      this.#append(volumeStream(name), event, origin)
      keep?.(name)
      return row
    })
  }

  /** @param but a container that does not count as user. @returns whether it was removed. */
  #removeUnused(name: string, but: string | undefined, origin?: Origin): Promise<boolean> {
    return this.#inOrder(name, async () => {
      if (this.#options.store.volumes.byName(name) === undefined) return await this.#finishRemoval(name)
      if (this.#usersOf(name).some((id) => id !== but)) return false
      await this.#remove(name, origin)
      return true
    })
  }

  /** The files go when the log says so for good: a volume that is in the log is always whole. */
  async #remove(name: string, origin: Origin | undefined): Promise<void> {
    this.#append(volumeStream(name), { type: 'VolumeRemoved' }, origin)
    await this.#options.store.events.durable()
    await this.#delete(name)
  }

  /** Deletes the files of a volume that is recorded as removed, where that failed. @returns whether there were any. */
  async #finishRemoval(name: string): Promise<boolean> {
    const { store, directories } = this.#options
    if (store.volumes.byName(name) !== undefined || this.#version(volumeStream(name)) === 0) return false
    if (!(await directories.list()).includes(name)) return false
    await this.#delete(name)
    return true
  }

  #delete(name: string): Promise<void> {
    const { directories, faults } = this.#options
    return betweenPoints(faults, 'volume.delete', () => directories.remove(name))
  }

  #append(stream: string, event: VolumeEvent | VolumesEvent, origin: Origin | undefined): void {
    const { store, faults } = this.#options
    faults.reachNow(`volume.${event.type}.before`)
    store.events.append({
      stream,
      expectedVersion: this.#version(stream),
      events: [event],
      ...(origin === undefined ? {} : { origin }),
      project: (recorded: readonly RecordedEvent<VolumeEvent | VolumesEvent>[]) => {
        for (const one of recorded) projectVolume(one, store)
      },
    })
    faults.reachNow(`volume.${event.type}.after`)
  }

  #version(stream: string): number {
    const found = this.#options.store.events.streams(stream)
    return found.find((each) => each.stream === stream)?.version ?? 0
  }

  #withUsers(row: VolumeRow): Volume {
    return { ...row, users: this.#options.uses.of(row.name) }
  }

  #usersOf(name: string): readonly string[] {
    return [...new Set([...this.#options.uses.of(name), ...(this.#held.get(name) ?? [])])]
  }

  #letGo(name: string, containerId: string): void {
    const holders = this.#held.get(name)
    holders?.delete(containerId)
    if (holders?.size === 0) this.#held.delete(name)
  }
}

const unlessEmpty = (pairs: VolumeRow['labels']): VolumeRow['labels'] =>
  pairs === null || Object.keys(pairs).length === 0 ? null : pairs
