/**
 * The directory of all layers as a mount of its own, so that the root file systems mounted below it stay this daemon's business.
 *
 * Without it every root file system would be copied into the mount namespaces of all peers (each systemd service that has one), and into
 * every container that binds `/`, writable even where the bind is read-only. See `isolate`.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isolate, unmountUnused } from '../kernel/mounts.ts'
import { overlayRoot, type Roots } from '../paths.ts'

/** At the daemon's start. Doing it again is fine. */
export async function prepareLayerRoot(roots: Roots): Promise<void> {
  const directory = overlayRoot(roots)
  await mkdir(directory, { recursive: true, mode: 0o710 })
  await mkdir(join(directory, 'l'), { recursive: true, mode: 0o700 })
  await isolate(directory)
}

/** At the daemon's end. @returns false if containers that run on still need it. */
export function releaseLayerRoot(roots: Roots): Promise<boolean> {
  return unmountUnused(overlayRoot(roots))
}
