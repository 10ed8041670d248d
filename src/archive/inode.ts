/**
 * One file of a container's tree, held by a descriptor (O_PATH): what is read and set is this file's, whatever the container does to its name
 * meanwhile. Synchronous: for a worker thread.
 */
import { type BigIntStats, closeSync, constants, fstatSync, openSync } from 'node:fs'
import { callSync, failedWith } from '../kernel/addon.ts'
import { AT_FDCWD, changeModeAt, changeOwnerAt, O_PATH, openConfined, type Path } from '../kernel/at.ts'

const AT_EMPTY_PATH = 0x1000
const CAPABILITY = 'security.capability'
/** More than the kernel's `vfs_ns_cap_data` has. */
const CAPABILITY_SIZE = 64

/** The entry of an open directory itself, be it a link. @throws SyscallError ENOENT */
export function openEntry(directory: number, name: Path): number {
  const flags = O_PATH | constants.O_NOFOLLOW
  return openConfined(directory, name, { scope: 'beneath', followLinks: false, flags })
}

export function tryOpenEntry(directory: number, name: Path): number | undefined {
  try {
    return openEntry(directory, name)
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return undefined
    throw error
  }
}

/** Runs `use` with a descriptor that is closed after it. */
export function closing<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd)
  } finally {
    closeSync(fd)
  }
}

export const statOf = (fd: number): BigIntStats => fstatSync(fd, { bigint: true })

/** Opens what a descriptor of O_PATH stands for. Only for regular files and directories: opening a device or a pipe has effects. */
export const reopen = (fd: number, flags: number): number => openSync(pathOf(fd), flags)

export const pathOf = (fd: number): string => `/proc/self/fd/${fd}`

/** The file's capabilities; undefined if it has none. */
export function capabilityOf(fd: number): Buffer | undefined {
  const value = Buffer.alloc(CAPABILITY_SIZE)
  try {
    return value.subarray(0, callSync('getxattr', pathOf(fd), CAPABILITY, value, value.length))
  } catch (error) {
    if (failedWith(error, 'ENODATA', 'ENOTSUP', 'EOPNOTSUPP')) return undefined
    throw error
  }
}

export function setOwner(fd: number, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  changeOwnerAt(fd, '', { uid, gid, flags: AT_EMPTY_PATH })
}

/** Not of a symbolic link: it has none. */
export function setMode(fd: number, mode: number): void {
  changeModeAt(AT_FDCWD, pathOf(fd), mode)
}

export function setTime(fd: number, modified: bigint): void {
  const fraction = ((modified % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  const seconds = (modified - fraction) / 1_000_000_000n
  callSync('utimensat', fd, '', BigInt64Array.of(seconds, fraction, seconds, fraction), AT_EMPTY_PATH)
}

export function setAttribute(fd: number, name: string, value: Buffer): void {
  callSync('setxattr', pathOf(fd), name, value, value.length, 0)
}
