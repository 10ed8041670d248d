/** The control group that holds those of the containers. */
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { cgroups } from '../kernel/cgroups.ts'

/** At the daemon's end: an empty parent goes, in every hierarchy; one that still holds containers stays (rmdir(2) EBUSY). */
export async function releaseCgroupParent(parent: string): Promise<void> {
  const { controllers } = await cgroups()
  const groups = new Set([...controllers.values()].map((directory) => join(directory, parent)))
  await Promise.allSettled([...groups].map((group) => rmdir(group)))
}
