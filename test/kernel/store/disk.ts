/** A disk whose power can be cut: an ext4 image behind a loop device. A copy of the image is what the disk held at that moment. */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, join } from 'node:path'

export interface Disk {
  readonly image: string
  /** Name of its device. */
  readonly device: string
  readonly mountPoint: string
  /** Requests that reached the device, and whether any is under way. */
  writes(): { readonly done: number; readonly busy: boolean }
  unmount(): void
}

/** @param size as truncate(1) takes it. */
export function makeDisk(directory: string, size = '96M'): Disk {
  const image = join(directory, 'disk.img')
  execFileSync('truncate', [`--size=${size}`, image])
  execFileSync('mkfs.ext4', ['-q', '-F', image])
  return mountImage(image, join(directory, 'disk'))
}

/** Mounts what a cut left: ext4 replays its journal, as after a power cut. */
export function mountImage(image: string, mountPoint: string): Disk {
  if (!existsSync(mountPoint)) mkdirSync(mountPoint)
  execFileSync('mount', ['-o', 'loop,errors=remount-ro', image, mountPoint])
  const source = execFileSync('findmnt', ['-n', '-o', 'SOURCE', mountPoint], { encoding: 'utf8' }).trim()
  const device = basename(source)
  return {
    image,
    device,
    mountPoint,
    writes: () => writesOf(device),
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

/** What an error in its own structures does to ext4: it takes no more writes, also not of those who have files open. */
export function breakFileSystem({ device }: Disk): void {
  writeFileSync(`/sys/fs/ext4/${device}/trigger_fs_error`, '1')
}

/** e2fsck exits with 1 when it has mended something. */
export function repair({ image }: Disk): void {
  try {
    execFileSync('e2fsck', ['-f', '-y', image], { stdio: 'ignore' })
  } catch (error) {
    if (!(error instanceof Error && 'status' in error && error.status === 1)) throw error
  }
}

/** Takes all the room that is left, to the last block. */
export function fill(path: string): void {
  const descriptor = openSync(path, 'w')
  try {
    for (let size = 1 << 20; size >= 512; size /= 2) while (fits(descriptor, size)) fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function fits(descriptor: number, size: number): boolean {
  try {
    return writeSync(descriptor, Buffer.alloc(size)) > 0
  } catch {
    return false
  }
}
