/**
 * The volumes of this daemon, all of the driver `local`.
 *
 * Glossary. A *named* volume has a name that a client gave it and stays until it is removed by name. An *anonymous* one was made for one
 * container and may go with it. *Users* are containers, running or not, that a volume is mounted in; a volume that has any is never removed.
 */
import type { ResolvedMount } from '../../machines/spec.ts'
import type { Origin } from '../origin.ts'
import type { VolumeRow } from '../store/port.ts'

export interface VolumeRequest {
  /** Empty: one is made up. */
  readonly name: string
  /** Empty: `local`. */
  readonly driver: string
  readonly labels: Readonly<Record<string, string>> | null
  readonly options: Readonly<Record<string, string>> | null
}

export interface Volume extends VolumeRow {
  /** Ids of containers. */
  readonly users: readonly string[]
}

export interface PruneOptions {
  readonly isWanted: (volume: Volume) => boolean
  readonly sizeOf: (volume: Volume) => Promise<number>
}

export interface Volumes {
  /** By name. */
  list(): readonly Volume[]
  /** @throws TallyError not-found `get x: no such volume` */
  get(name: string): Volume
  /** One that is there already is answered as it is. @throws TallyError not-found for the driver, bad-request, not-supported */
  create(request: VolumeRequest, origin: Origin): Promise<Volume>
  /** @param options force: that there is none is fine. @throws TallyError conflict `remove x: volume is in use - [id]` */
  remove(name: string, options: { readonly force: boolean }, origin: Origin): Promise<void>
  /** Removes those without users. */
  prune(
    options: PruneOptions,
    origin: Origin,
  ): Promise<{ readonly removed: readonly string[]; readonly reclaimed: number }>
  /** For a container that is about to be created: until that is disposed of, nobody removes the volumes obtained. */
  hold(containerId: string, origin: Origin): VolumeHold
  /** Removes the anonymous ones among a container's mounts that no other container uses. Not durable yet. */
  removeAnonymous(containerId: string, mounts: readonly ResolvedMount[]): Promise<void>
}

export interface VolumeHold extends Disposable {
  /** A volume of that name, made if there is none; without a name always a new one. Not durable yet. */
  obtain(request: VolumeRequest): Promise<VolumeRow>
  /** One that another container has. @throws TallyError not-found */
  keep(name: string): VolumeRow
  /** The creation failed: takes back the anonymous ones. */
  abandon(): Promise<void>
}
