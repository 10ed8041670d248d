/** Files inside a container's root file system, reached so that no symbolic link of the image leads out of it. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { TallyError } from '../errors.ts'
import { failedWith } from '../kernel/addon.ts'
import { changeModeAt, makeDirectoryAt, O_PATH, openConfined } from '../kernel/at.ts'

const { O_DIRECTORY, O_NONBLOCK, O_NOCTTY, O_RDONLY } = constants

/** Bytes: an account file larger than that is an attack on the daemon's memory. */
const largestText = 16 * 1024 * 1024

/** Null if it does not exist or is no regular file: an image may hold a named pipe there, or a device. */
export function readTextInside(rootfs: string, path: string): string | null {
  return withRoot(rootfs, (root) => {
    try {
      return withDescriptor(openInside(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY), readText)
    } catch (error) {
      if (failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EXDEV')) return null
      throw error
    }
  })
}

/**
 * Makes a directory and its missing parents, root's and 0755 whatever the umask, as Docker does for a container's working directory.
 * @throws TallyError internal, exit code 128: `Cannot mkdir: /x is not a directory`
 */
export function makeDirectoriesInside(rootfs: string, path: string): void {
  withRoot(rootfs, (root) => {
    try {
      makeDirectories(root, path)
    } catch (cause) {
      if (!failedWith(cause, 'ENOTDIR', 'EEXIST', 'ELOOP')) throw cause
      const message = `Cannot mkdir: ${path} is not a directory`
      throw new TallyError('internal', message, { step: 'prepareBundle', exitCode: 128, cause })
    }
  })
}

function makeDirectories(root: number, path: string): void {
  if (isDirectory(root, path)) return
  makeDirectories(root, dirname(path))
  const name = path.slice(path.lastIndexOf('/') + 1)
  withDescriptor(openInside(root, dirname(path), O_PATH | O_DIRECTORY), (parent) => {
    makeDirectoryAt(parent, name, 0o755)
    changeModeAt(parent, name, 0o755)
  })
}

function isDirectory(root: number, path: string): boolean {
  try {
    closeSync(openInside(root, path, O_PATH | O_DIRECTORY))
    return true
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return false
    throw error
  }
}

function readText(fd: number): string | null {
  const { size } = fstatSync(fd)
  return fstatSync(fd).isFile() && size <= largestText ? readFileSync(fd, 'utf8') : null
}

function openInside(root: number, path: string, flags: number): number {
  return openConfined(root, path, { scope: 'in-root', flags })
}

function withRoot<T>(rootfs: string, use: (root: number) => T): T {
  return withDescriptor(openSync(rootfs, O_PATH | O_DIRECTORY), use)
}

function withDescriptor<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd)
  } finally {
    closeSync(fd)
  }
}
