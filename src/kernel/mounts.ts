/** Mounts and unmounts without a process: mount(2), umount2(2), and the overlay and tmpfs options that this project needs. */
import { lstatSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { call, callIn, failedWith } from './addon.ts'
import { mountAt, mounts } from './mountinfo.ts'

/** Absolute paths. */
export interface Overlay {
  /** The topmost first. */
  readonly lowers: readonly string[]
  readonly upper: string
  /** Empty, on the file system of `upper`. */
  readonly work: string
  readonly target: string
  /** A directory that is above all of them, the target included: shortens the options if they would not fit. */
  readonly cwd?: string
  /** No sync of the disk, ever: for what a crash may take away. The work directory cannot be used again. Linux 5.10. */
  readonly volatile?: boolean
}

export interface Tmpfs {
  readonly target: string
  /** Bytes. */
  readonly size: number
  /** `0o1777` */
  readonly mode: number
  readonly flags?: number
  /** Only to be recognised by in a list of mounts. */
  readonly source?: string
}

/** Flags of mount(2). */
export const MS_NOSUID = 2
export const MS_NODEV = 4
export const MS_NOEXEC = 8
const MS_BIND = 4096
const MS_PRIVATE = 1 << 18

/** Flags of umount2(2). */
const MNT_DETACH = 2
const UMOUNT_NOFOLLOW = 8

/** mount(2) copies one page of options, the closing NUL included. */
const optionsLimit = 4096

/** Mounts an overlay (overlayfs in the kernel's documentation). @throws RangeError if no spelling of the options fits a page. */
export async function mountOverlay(overlay: Overlay): Promise<void> {
  const { target, cwd } = overlay
  const options = overlayOptions(overlay)
  if (fits(options)) {
    await call('mount', 'overlay', target, 'overlay', 0, options)
    return
  }
  const shortened = overlayOptions(overlay, cwd)
  if (cwd === undefined || !fits(shortened)) throw new RangeError(`${target}: too many layers for one mount`)
  await callIn(cwd, 'mount', 'overlay', relative(cwd, target), 'overlay', 0, shortened)
}

/** tmpfs(5) */
export async function mountTmpfs({ target, size, mode, flags = 0, source = 'tmpfs' }: Tmpfs): Promise<void> {
  await call('mount', source, target, 'tmpfs', flags, `mode=${mode.toString(8)},size=${size}`)
}

/**
 * Makes a directory a mount of its own that takes no part in propagation, mount_namespaces(7): what is mounted below it from now on
 * appears in no other namespace. Doing it again is fine.
 */
export async function isolate(directory: string): Promise<void> {
  const mount = await mountAt(directory)
  if (!mount) await call('mount', directory, directory, null, MS_BIND, null)
  if (!mount || mount.propagation.length > 0) await call('mount', null, directory, null, MS_PRIVATE, null)
}

/**
 * Takes away what `isolate` made, if nothing is mounted below it and nobody uses it. A mount that was there before is somebody's disk and
 * stays. @returns whether there is nothing of ours any more.
 */
export async function rejoin(directory: string): Promise<boolean> {
  const all = await mounts()
  const mount = all.findLast(({ target }) => target === directory)
  const below = all.find(({ id }) => id === mount?.parent)
  if (mount === undefined || below === undefined) return true
  // A directory that is bound to itself shows what it covers; any other mount shows something else.
  const covered = join(below.root, relative(below.target, directory))
  return mount.root === covered ? unmountUnused(directory) : true
}

/** Takes one mount away if nothing is mounted below it and nobody uses it. @returns whether it is gone. */
export async function unmountUnused(target: string): Promise<boolean> {
  try {
    await call('umount2', target, UMOUNT_NOFOLLOW)
    return true
  } catch (error) {
    if (failedWith(error, 'EINVAL', 'ENOENT')) return true
    if (failedWith(error, 'EBUSY')) return false
    throw error
  }
}

/** Takes away everything that is mounted on `target`, at once, also if it is in use. Nothing mounted there is fine. */
export async function detach(target: string): Promise<void> {
  try {
    for (;;) await call('umount2', target, MNT_DETACH | UMOUNT_NOFOLLOW)
  } catch (error) {
    if (!failedWith(error, 'EINVAL', 'ENOENT')) throw error
  }
}

/** Whether another file system begins here; a bind mount of the same file system is not noticed. Cheaper than reading mountinfo. */
export function startsFileSystem(path: string): boolean {
  const here = lstatSync(path, { throwIfNoEntry: false })
  return here !== undefined && here.dev !== lstatSync(dirname(path)).dev
}

function overlayOptions({ lowers, upper, work, volatile = false }: Overlay, cwd?: string): string {
  const name = (path: string): string => escapePath(cwd === undefined ? path : relative(cwd, path))
  const directories = `lowerdir=${lowers.map(name).join(':')},upperdir=${name(upper)},workdir=${name(work)}`
  return `index=off,${volatile ? 'volatile,' : ''}${directories}`
}

/** Overlay's own way: a backslash before what separates layers and options. */
function escapePath(path: string): string {
  return path.replace(/[\\:,]/g, '\\$&')
}

function fits(options: string): boolean {
  return Buffer.byteLength(options) < optionsLimit
}
