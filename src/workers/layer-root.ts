/**
 * The data root as a private mount of its own: elsewhere each root file system that is mounted below it would be copied into the mount
 * namespace of every systemd service that has one. Namespaces made while a container runs still get a copy; the root file system's worker
 * drops these when it deletes the mount point. It is the whole data root, so that layers can be renamed into place from `tmp`.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isolate, rejoin } from '../kernel/mounts.ts'
import { overlayRoot, type Roots } from '../paths.ts'

/** At the daemon's start. Doing it again is fine. */
export async function prepareLayerRoot(roots: Roots): Promise<void> {
  const directory = overlayRoot(roots)
  await mkdir(directory, { recursive: true, mode: 0o710 })
  await mkdir(join(directory, 'l'), { recursive: true, mode: 0o700 })
  await isolate(roots.dataRoot)
}

/** At the daemon's end. @returns false if containers that run on still need it. */
export function releaseLayerRoot(roots: Roots): Promise<boolean> {
  return rejoin(roots.dataRoot)
}
