/** Programs started without a copy of this process: child_process forks, which halts the event loop for as long as it takes to copy the page tables. */
import { setTimeout as sleep } from 'node:timers/promises'
import { callSync, failedWith, spawn } from './addon.ts'

/** Its working directory is the root; it gets no descriptors but these three and begins with no signal blocked or ignored. */
export interface Program {
  /** The first is the executable; without a slash it is looked for in this process's PATH. */
  readonly words: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Descriptors, none below 3; absent: /dev/null. */
  readonly stdout?: number
  readonly stderr?: number
}

/**
 * Starts a program in a session of its own.
 * @returns its pid, which is its own until `reap`.
 * @throws an Error with `code` if it can't be started; see `failedWith`.
 */
export function spawnDetached(program: Program): Promise<number> {
  return new Promise((resolve, reject) => {
    spawn(...given(program, true), (started) => {
      if (typeof started === 'number') resolve(started)
      else reject(named(started, program))
    })
  })
}

/**
 * Runs a program to its end. When the signal aborts, SIGTERM is sent and its end is not waited for. Its start is, even then: until it has
 * started, its descriptors must stay open.
 * @returns its exit code, 128 + signal number if a signal ended it.
 * @throws an Error with `code` if it can't be started; the signal's reason
 */
export function run(program: Program, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    let running: number | undefined
    const abort = (): void => {
      if (running === undefined) return
      process.kill(running, 'SIGTERM')
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    spawn(...given(program, false), (started, code) => {
      running = typeof started === 'number' && code === undefined ? started : undefined
      if (running === undefined) signal.removeEventListener('abort', abort)
      if (typeof started !== 'number') reject(named(started, program))
      else if (code !== undefined) resolve(code)
      else if (signal.aborted) abort()
    })
  })
}

const MFD_CLOEXEC = 1

/** memfd_create(2): a file without a place, to catch what a program prints. The caller closes it. @param name for whoever looks at /proc */
export function memoryFile(name: string): number {
  return callSync('memfd_create', name, MFD_CLOEXEC)
}

const WNOHANG = 1
const reapMilliseconds = 10

/** wait4(2): takes away what remains of an ended child. One that is just ending is waited for. */
export async function reap(pid: number): Promise<void> {
  while (isRunningChild(pid)) await sleep(reapMilliseconds, undefined, { ref: false })
}

/** False, too, if it is no child (any more). */
function isRunningChild(pid: number): boolean {
  try {
    return callSync('wait4', pid, null, WNOHANG, null) === 0
  } catch (error) {
    if (failedWith(error, 'ECHILD')) return false
    throw error
  }
}

function given({ words, environment, stdout = -1, stderr = -1 }: Program, session: boolean) {
  const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  return [words, settings, [-1, stdout, stderr], session, !session] as const
}

function named(error: Error, { words }: Program): Error {
  error.message += ` ${words[0]}`
  return error
}
