/** Runs of the OCI runtime's command line (runc(8), crun(1)): `runc --root R --log F --log-format json COMMAND ID`. */
import { closeSync, readSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { memoryFile, run } from '../kernel/spawn.ts'
import { lastError } from './failure.ts'

export interface RuntimeTarget {
  /** Absolute path or name of the binary. */
  readonly binary: string
  /** Where the runtime keeps its state. */
  readonly root: string
  /** The log it appends to. */
  readonly log: string
  readonly id: string
}

/** `log` is what this run appended to the log, `message` its last error or, failing that, what it said on stderr. */
export type RuntimeResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly message: string; readonly log: string }

export const startContainer = (target: RuntimeTarget, signal: AbortSignal): Promise<RuntimeResult> =>
  runCommand(target, ['start', target.id], signal)
export const pauseContainer = (target: RuntimeTarget, signal: AbortSignal): Promise<RuntimeResult> =>
  runCommand(target, ['pause', target.id], signal)
export const resumeContainer = (target: RuntimeTarget, signal: AbortSignal): Promise<RuntimeResult> =>
  runCommand(target, ['resume', target.id], signal)
/** @param resources a file that holds `linux.resources`. */
export const updateContainer = (
  target: RuntimeTarget,
  resources: string,
  signal: AbortSignal,
): Promise<RuntimeResult> => runCommand(target, ['update', '--resources', resources, target.id], signal)
/** Kills what runs and removes the runtime's state; a container that the runtime does not know is fine. */
export const deleteContainer = (target: RuntimeTarget, signal: AbortSignal): Promise<RuntimeResult> =>
  runCommand(target, ['delete', '--force', target.id], signal)

async function runCommand(
  target: RuntimeTarget,
  args: readonly string[],
  signal: AbortSignal,
): Promise<RuntimeResult> {
  const logStart = statSync(target.log, { throwIfNoEntry: false })?.size ?? 0
  const { code, stderr } = await execute(target, args, signal)
  if (code === 0) return { ok: true }
  const log = await readFrom(target.log, logStart)
  const said = stderr.trim() || `${target.binary} ${args.join(' ')} ended with status ${code}`
  return { ok: false, message: lastError(log) ?? said, log }
}

interface Ended {
  readonly code: number | null
  readonly stderr: string
}

/** A process that can't be started is one that failed. */
async function execute(target: RuntimeTarget, args: readonly string[], signal: AbortSignal): Promise<Ended> {
  const options = ['--root', target.root, '--log', target.log, '--log-format', 'json']
  const words = [target.binary, ...options, ...args]
  const stderr = memoryFile('runtime-stderr')
  try {
    const code = await run({ words, environment: runtimeEnvironment(), stderr }, signal)
    return { code, stderr: code === 0 ? '' : readFromStart(stderr) }
  } catch (error) {
    return { code: null, stderr: error instanceof Error ? error.message : String(error) }
  } finally {
    closeSync(stderr)
  }
}

/** More of it would be no message. */
const maxMessage = 16_384

/** Not a pipe, which a hook's child may hold open. The program may have moved the position that it shares with us. */
function readFromStart(fd: number): string {
  const buffer = Buffer.alloc(maxMessage)
  return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0))
}

/** Only what finds programs: NOTIFY_SOCKET, LISTEN_FDS and the like in the daemon's environment would mean something to runc. */
export function runtimeEnvironment(): Readonly<Record<string, string>> {
  return { PATH: process.env.PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }
}

async function readFrom(path: string, position: number): Promise<string> {
  try {
    await using file = await open(path, 'r')
    const { size } = await file.stat()
    const buffer = Buffer.alloc(Math.max(0, size - position))
    await file.read(buffer, 0, buffer.length, position)
    return buffer.toString('utf8')
  } catch {
    return ''
  }
}
