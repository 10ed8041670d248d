/** System calls that Node has no word for, made by the native addon `build/kernel.node` (addon.c says how arguments are passed). */
import { createRequire } from 'node:module'
import { TallyError } from '../errors.ts'

/** Those that addon.c lets through. */
export type Syscall =
  | 'mount'
  | 'umount2'
  | 'openat2'
  | 'mkdirat'
  | 'symlinkat'
  | 'linkat'
  | 'mknodat'
  | 'fchownat'
  | 'fchmodat'
  | 'utimensat'
  | 'unlinkat'
  | 'renameat2'
  | 'getxattr'
  | 'setxattr'
  | 'lgetxattr'
  | 'lsetxattr'
  | 'fgetxattr'
  | 'fsetxattr'
  | 'llistxattr'
  | 'syncfs'
  | 'getsockopt'
  | 'wait4'
  | 'memfd_create'
  | 'unshare'
  | 'umask'

/** The kernel reads and fills the memory of typed arrays in place. A Buffer of text must end in a NUL byte, a string gets one. */
export type Argument =
  | number
  | bigint
  | string
  | null
  | Uint8Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array

interface Addon {
  callSync(syscall: Syscall, args: readonly Argument[]): number
  call(syscall: Syscall, args: readonly Argument[], directory?: string): Promise<number>
  spawn(...program: SpawnArguments): void
}

/** Arguments of the addon's `spawn`, which spawn.c explains. */
export type SpawnArguments = readonly [
  words: readonly string[],
  environment: readonly string[],
  /** For stdin, stdout and stderr; -1: /dev/null. */
  descriptors: readonly [number, number, number],
  session: boolean,
  wait: boolean,
  /** Why it was not started, or its pid and, when it has ended, its exit code. */
  told: (started: Error | number, code?: number) => void,
]

/**
 * Makes the call on this thread: for calls that never wait for a disk, or in a worker thread.
 * @throws an Error with `errno`, `code` (`EBUSY`) and `syscall`, like Node's own; see `failedWith`.
 */
export function callSync(syscall: Syscall, ...args: readonly Argument[]): number {
  return addon().callSync(syscall, args)
}

/** Like `callSync`, on libuv's pool. */
export function call(syscall: Syscall, ...args: readonly Argument[]): Promise<number> {
  return addon().call(syscall, args)
}

/** Like `call`, in a thread whose working directory is `directory`; the process keeps its own. */
export function callIn(directory: string, syscall: Syscall, ...args: readonly Argument[]): Promise<number> {
  return addon().call(syscall, args, directory)
}

/** For spawn.ts alone. */
export function spawn(...program: SpawnArguments): void {
  addon().spawn(...program)
}

/** Whether a call (Node's own too) failed with one of these codes. */
export function failedWith(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

let loaded: Addon | undefined

/** Loaded at the first call, so that a file which only mentions a system call needs no addon. */
function addon(): Addon {
  loaded ??= load()
  return loaded
}

function load(): Addon {
  try {
    return createRequire(import.meta.url)('../../build/kernel.node') as Addon
  } catch (cause) {
    throw new TallyError('unavailable', 'build/kernel.node is missing or does not load: run npm run setup', {
      detail: String(cause),
      cause,
    })
  }
}
