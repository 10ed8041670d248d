/** A disk whose power can be cut: an ext4 image behind a loop device. A copy of the image is what the disk held at that moment. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

export interface Disk {
  readonly image: string
  readonly mountPoint: string
  /** Requests that reached the device, and whether any is under way. */
  writes(): { readonly done: number; readonly busy: boolean }
  unmount(): void
}

export function makeDisk(directory: string): Disk {
  const image = join(directory, 'disk.img')
  execFileSync('truncate', ['--size=96M', image])
  execFileSync('mkfs.ext4', ['-q', '-F', image])
  return mountImage(image, join(directory, 'disk'))
}

/** Mounts what a cut left: ext4 replays its journal, as after a power cut. */
export function mountImage(image: string, mountPoint: string): Disk {
  mkdirSync(mountPoint)
  execFileSync('mount', ['-o', 'loop', image, mountPoint])
  const device = execFileSync('findmnt', ['-n', '-o', 'SOURCE', mountPoint], { encoding: 'utf8' }).trim()
  return {
    image,
    mountPoint,
    writes: () => writesOf(basename(device)),
    unmount: () => void execFileSync('umount', [mountPoint]),
  }
}

/** @returns whether nothing reached the disk while it was copied, so that the copy is of one moment. */
export function copyImage(disk: Disk, target: string): boolean {
  const before = disk.writes()
  if (before.busy) return false
  copyFileSync(disk.image, target)
  return disk.writes().done === before.done
}

/** Documentation/block/stat.rst: field 5 counts completed writes, field 9 requests in flight, field 16 flushes. */
function writesOf(device: string): { readonly done: number; readonly busy: boolean } {
  const fields = readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/).map(Number)
  const [writes = 0, inFlight = 0, flushes = 0] = [fields[4], fields[8], fields[15]]
  return { done: writes + flushes, busy: inFlight > 0 }
}
