/**
 * What a container sees of its files: its root file system with its volumes in it, put together in this thread's own mount namespace. Every
 * path is resolved by the kernel with the container's root as `/`. Synchronous: for a worker thread.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { failedWith } from '../kernel/addon.ts'
import { makeDirectoryAt, O_PATH, openConfined, type Path } from '../kernel/at.ts'
import { bindTree, enterOwnMountNamespace, settleBind } from '../kernel/mount-namespace.ts'
import { closing } from './inode.ts'

export interface View {
  /** Where the container's layers are mounted together. */
  readonly rootfs: string
  /** Parents before what lies in them. */
  readonly mounts: readonly ViewMount[]
}

export interface ViewMount {
  /** On the host; one that is not there is left out. */
  readonly source: string
  /** A path in the container; it is made if it is missing, as when the container starts. */
  readonly destination: string
  readonly writable: boolean
}

const DIRECTORY = O_PATH | constants.O_DIRECTORY
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/** @returns a descriptor of the container's root, which the caller closes. */
export function enterView({ rootfs, mounts }: View): number {
  enterOwnMountNamespace()
  const root = openSync(rootfs, DIRECTORY | constants.O_NOFOLLOW)
  for (const mount of mounts) showMount(root, mount)
  return root
}

/** @throws SyscallError ENOENT, ENOTDIR, ELOOP … */
export const openInRoot = (root: number, path: Path, flags = O_PATH): number =>
  openConfined(root, path, { scope: 'in-root', flags })

/** The directory of that path, made with those above it where they are missing. The caller closes it. */
export function makeDirectories(root: number, path: string): number {
  const bytes = Buffer.from(path === '' ? '.' : path, 'latin1')
  try {
    return openInRoot(root, bytes, DIRECTORY)
  } catch (error) {
    if (path === '' || !failedWith(error, 'ENOENT')) throw error
  }
  const slash = path.lastIndexOf('/')
  const name = Buffer.from(path.slice(slash + 1), 'latin1')
  return closing(makeDirectories(root, path.slice(0, Math.max(slash, 0))), (above) => {
    ignoring('EEXIST', () => makeDirectoryAt(above, name, 0o755))
    return openInRoot(root, bytes, DIRECTORY)
  })
}

function showMount(root: number, { source, destination, writable }: ViewMount): void {
  const from = ignoring('ENOENT', () => openSync(source, O_PATH))
  if (from === undefined) return
  closing(from, () => {
    const path = Buffer.from(destination).toString('latin1').replace(/^\/+/, '')
    closing(mountPoint(root, path, fstatSync(from).isDirectory()), (at) => bindTree(from, at))
    closing(openInRoot(root, Buffer.from(path, 'latin1')), (mounted) => settleBind(mounted, { writable }))
  })
}

function mountPoint(root: number, path: string, directory: boolean): number {
  if (directory) return makeDirectories(root, path)
  const found = ignoring('ENOENT', () => openInRoot(root, Buffer.from(path, 'latin1')))
  if (found !== undefined) return found
  const slash = path.lastIndexOf('/')
  return closing(makeDirectories(root, path.slice(0, Math.max(slash, 0))), (above) => {
    const name = Buffer.from(path.slice(slash + 1), 'latin1')
    const options = { scope: 'beneath', followLinks: false, flags: NEW_FILE, mode: 0o755 } as const
    ignoring('EEXIST', () => closeSync(openConfined(above, name, options)))
    return openInRoot(root, Buffer.from(path, 'latin1'))
  })
}

function ignoring<T>(code: string, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (failedWith(error, code)) return undefined
    throw error
  }
}
