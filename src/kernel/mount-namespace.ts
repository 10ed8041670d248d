/** A mount namespace for one thread alone, mount_namespaces(7): what is mounted there nobody else sees, and it is gone with the thread. */
import { callSync } from './addon.ts'

const CLONE_NEWNS = 0x20000
const MS_RDONLY = 1
const MS_REMOUNT = 32
const MS_BIND = 4096
const MS_REC = 16384
const MS_PRIVATE = 1 << 18
const MS_SLAVE = 1 << 19

/**
 * For a worker thread only, and for good. The kernel gives the thread its own working directory and umask with it (unshare(2)), and the
 * umask is cleared: modes are what is asked for. Calls on libuv's pool, which are Node's asynchronous ones, still see the others' mounts.
 */
export function enterOwnMountNamespace(): void {
  callSync('unshare', CLONE_NEWNS)
  callSync('mount', null, '/', null, MS_REC | MS_SLAVE, null)
  callSync('umask', 0)
}

/** Shows `source` with all that is mounted below it in the place of `target`. Both are descriptors, so no link can come between. */
export function bindTree(source: number, target: number): void {
  callSync('mount', pathOf(source), pathOf(target), null, MS_BIND | MS_REC, null)
}

/** What happens in that mount stays in it. @param mounted a descriptor of its root */
export function settleBind(mounted: number, options: { readonly writable: boolean }): void {
  callSync('mount', null, pathOf(mounted), null, MS_REC | MS_PRIVATE, null)
  if (options.writable) return
  callSync('mount', null, pathOf(mounted), null, MS_REMOUNT | MS_BIND | MS_RDONLY, null)
}

const pathOf = (fd: number): string => `/proc/self/fd/${fd}`
