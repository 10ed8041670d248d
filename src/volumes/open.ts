/** Opens the volumes of a data root, after a crash too. */
import type { Clock } from '../clock.ts'
import type { Faults } from '../faults.ts'
import type { Roots } from '../paths.ts'
import type { Random } from '../random.ts'
import type { ContainerRows, EventStore } from '../store/port.ts'
import type { RootfsHolds } from '../workers/rootfs-holds.ts'
import { type FillVolumes, volumeFiller } from './content.ts'
import { volumeDirectories } from './directories.ts'
import type { Volumes } from './port.ts'
import type { VolumeProjections } from './projection.ts'
import { VolumeStore } from './store.ts'
import { followUses } from './uses.ts'

export interface VolumesOptions {
  readonly roots: Roots
  readonly holds: RootfsHolds
  readonly store: VolumeProjections & { readonly events: EventStore; readonly containers: ContainerRows }
  readonly clock: Clock
  readonly random: Random
  readonly faults: Faults
  readonly report: (message: string, fields: object) => void
}

/** Clears away what a crash has left half done. Nothing else may use the same data root. */
export async function openVolumes(
  options: VolumesOptions,
): Promise<{ readonly volumes: Volumes; readonly fillVolumes: FillVolumes }> {
  const { roots, holds, store, report } = options
  const uses = followUses(store)
  const volumes = new VolumeStore({ ...options, uses, directories: volumeDirectories(roots) })
  await volumes.recover((id) => store.containers.byId(id) !== undefined, report)
  return { volumes, fillVolumes: volumeFiller({ roots, holds, uses }) }
}
