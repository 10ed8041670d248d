/** The control group that holds those of the containers. */
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { mounts } from '../kernel/mountinfo.ts'

/** At the daemon's end: an empty parent goes, in every hierarchy; one that still holds containers stays (rmdir(2) EBUSY). */
export async function releaseCgroupParent(parent: string): Promise<void> {
  const hierarchies = (await mounts()).filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
  await Promise.allSettled(hierarchies.map(({ target }) => rmdir(join(target, parent))))
}
