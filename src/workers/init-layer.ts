/** The layer between image and container: the empty places where a container's own files are bound. It holds nothing else. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { posix } from 'node:path'
import { failedWith } from '../kernel/addon.ts'
import {
  changeModeAt,
  makeDirectoryAt,
  makeNodeAt,
  makeSymlinkAt,
  O_PATH,
  openConfined,
  removeAt,
} from '../kernel/at.ts'

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFREG } = constants

type Place =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }

/** What Docker's init layer has. */
const places: readonly Place[] = [
  { kind: 'directory', path: 'dev/pts' },
  { kind: 'directory', path: 'dev/shm' },
  { kind: 'directory', path: 'proc' },
  { kind: 'directory', path: 'sys' },
  { kind: 'file', path: '.dockerenv' },
  { kind: 'file', path: 'etc/resolv.conf' },
  { kind: 'file', path: 'etc/hosts' },
  { kind: 'file', path: 'etc/hostname' },
  { kind: 'file', path: 'dev/console' },
  { kind: 'link', path: 'etc/mtab', target: '/proc/mounts' },
]

/**
 * Makes the places in the merged view of the init layer over its image. A file there is replaced by an empty one; what the image has
 * as another type (a symbolic link, a device) stays, as does a parent that is no directory. Links are resolved inside the root.
 */
export function makePlaces(merged: string): void {
  const root = openSync(merged, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
  try {
    for (const place of places) makePlace(root, place)
  } finally {
    closeSync(root)
  }
}

function makePlace(root: number, place: Place): void {
  const parent = openParent(root, posix.dirname(place.path))
  if (parent === undefined) return
  try {
    makeIn(parent, posix.basename(place.path), place)
  } finally {
    closeSync(parent)
  }
}

function makeIn(parent: number, name: string, place: Place): void {
  switch (place.kind) {
    case 'directory':
      makeDirectory(parent, name)
      return
    case 'file':
      makeEmptyFile(parent, name)
      return
    case 'link':
      unlessThere(() => makeSymlinkAt(parent, name, place.target))
  }
}

/** @returns undefined where the image has something that is not a directory. */
function openParent(root: number, path: string): number | undefined {
  if (path !== '.') makeDirectory(root, path)
  try {
    return openConfined(root, path, { scope: 'in-root', flags: O_PATH | O_DIRECTORY })
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined
    throw error
  }
}

function makeDirectory(parent: number, name: string): void {
  unlessThere(() => {
    makeDirectoryAt(parent, name, 0o755)
    changeModeAt(parent, name, 0o755)
  })
}

/** Made anew also if it is empty already, so that the init layer has it whatever the image does. */
function makeEmptyFile(parent: number, name: string): void {
  if (isFile(parent, name)) removeAt(parent, name)
  unlessThere(() => {
    makeNodeAt(parent, name, { mode: S_IFREG | 0o755 })
    changeModeAt(parent, name, 0o755)
  })
}

function isFile(parent: number, name: string): boolean {
  try {
    const fd = openConfined(parent, name, { scope: 'beneath', flags: O_PATH | O_NOFOLLOW })
    try {
      return fstatSync(fd).isFile()
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false
    throw error
  }
}

function unlessThere(make: () => void): void {
  try {
    make()
  } catch (error) {
    if (!failedWith(error, 'EEXIST')) throw error
  }
}
