/** A small disk that can be filled or broken, for all of a daemon's data root or for its database alone. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type Disk, fill, mountImage } from '../kernel/store/disk.ts'
import type { Daemon } from './daemon.ts'

export interface SmallDisk {
  readonly disk: Disk
  /** Takes all the room that is left. */
  fill(): void
  /** Gives it back. */
  makeRoom(): void
}

/** Before the daemon's first start. @param holds `database`: containers, images and their logs lie on another disk. */
export function smallDisk(
  daemon: Daemon,
  { holds, size }: { readonly holds: 'database' | 'everything'; readonly size: string },
): SmallDisk {
  const image = join(daemon.root, 'disk.img')
  execFileSync('truncate', [`--size=${size}`, image])
  execFileSync('mkfs.ext4', ['-q', '-F', image])
  const mountPoint = holds === 'everything' ? daemon.dataRoot : join(daemon.root, 'small')
  const disk = mountImage(image, mountPoint)
  if (holds === 'database') linkDatabase(daemon, mountPoint)
  const ballast = join(mountPoint, 'ballast')
  return { disk, fill: () => fill(ballast), makeRoom: () => rmSync(ballast, { force: true }) }
}

/** SQLite follows a link, and puts the write-ahead log beside what it leads to. */
function linkDatabase({ dataRoot }: Daemon, directory: string): void {
  mkdirSync(dataRoot)
  for (const name of ['tallyman.db', 'tallyman.db-wal'])
    symlinkSync(join(directory, name), join(dataRoot, name))
}
