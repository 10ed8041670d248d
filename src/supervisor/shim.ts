/** Starts shims, finds those that an earlier supervisor started, and ends what a dead one left. */
import { closeSync } from 'node:fs'
import { TallyError } from '../errors.ts'
import { failedWith } from '../kernel/addon.ts'
import { openFifo } from '../kernel/fifo.ts'
import { isAlive, startTicks } from '../kernel/process-identity.ts'
import { spawnDetached } from '../kernel/spawn.ts'
import { haveDied } from './death.ts'
import { lastError } from './failure.ts'
import type { ProcessIdentity, Size, Stdio } from './port.ts'
import { findProcesses } from './process-search.ts'
import { runtimeEnvironment } from './runc-command.ts'
import { type ExecRecord, readFact, type ShimPaths, type TaskRecord } from './task-directory.ts'

export interface ShimOptions {
  /** Absolute path of tally-shim. */
  readonly binary: string
  readonly runtimeRoot: string
  readonly paths: ShimPaths
  /** Of `taskArguments` or `execArguments`. */
  readonly given: readonly string[]
}

/**
 * Spawns a shim in a session of its own, which does not end with this process. Its stdout is the writing end of `exit`, so that this hangs up
 * when it ends, however early; whoever hears that has to `reap` it.
 * @throws TallyError internal if it can't be started.
 */
export async function spawnShim(options: ShimOptions): Promise<ProcessIdentity> {
  const words = [options.binary, ...commonArguments(options), ...options.given]
  const stdout = openFifo(options.paths.exit, 'write')
  try {
    const pid = await spawnDetached({ words, environment: shimEnvironment(), stdout })
    return { pid, startTicks: startTicks(pid) ?? '0' }
  } catch (cause) {
    throw spawnFailure(cause)
  } finally {
    closeSync(stdout)
  }
}

/** What asks for faults is for the shim as well, which keeps it from the runtime. */
function shimEnvironment(): Readonly<Record<string, string>> {
  const { TALLY_FAULT, TALLY_FAULT_LOG = '' } = process.env
  return { ...runtimeEnvironment(), ...(TALLY_FAULT && { TALLY_FAULT, TALLY_FAULT_LOG }) }
}

function spawnFailure(cause: unknown): TallyError {
  const message = cause instanceof Error ? cause.message : String(cause)
  return new TallyError('internal', `failed to start shim: ${message}: unknown`, {
    step: 'startShim',
    detail: String(cause),
    cause,
  })
}

const commonArguments = ({ runtimeRoot, paths }: ShimOptions): readonly string[] => [
  ...['--dir', paths.directory, '--runtime-root', runtimeRoot],
]

/** The shim's command line for a container that it is to create. */
export function taskArguments(record: TaskRecord): readonly string[] {
  const { bundle, log } = record
  return [...processArguments(record), '--bundle', bundle, ...optional(logOptions(log))]
}

/** The shim's command line for an exec. */
export function execArguments(record: ExecRecord, { process }: ShimPaths): readonly string[] {
  return [...processArguments(record), '--exec', process, '--exec-id', record.execId]
}

interface ProcessOptions {
  readonly id: string
  readonly runId: string
  readonly runtime: string
  readonly stdio: Stdio
  readonly terminal: boolean
  readonly consoleSize?: Size
}

function processArguments(options: ProcessOptions): readonly string[] {
  const { id, runId, runtime, stdio, terminal, consoleSize } = options
  return [
    ...['--id', id, '--run-id', runId, '--runtime', runtime],
    ...optional({ stdin: stdio.stdin, stdout: stdio.stdout, stderr: stdio.stderr }),
    ...(terminal ? ['--terminal'] : []),
    ...optional({ 'console-width': consoleSize?.width, 'console-height': consoleSize?.height }),
  ]
}

function optional(options: Readonly<Record<string, string | number | undefined>>): readonly string[] {
  return Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  )
}

function logOptions(log: TaskRecord['log']): Record<string, string | number> {
  if (log === null || log.driver === 'none') return {}
  return { 'log-path': log.path, 'log-max-size': log.maxSize, 'log-max-file': log.maxFile }
}

/** A living shim whose spawner was killed before it could write down the pid: found by its `--dir`. */
export async function findShim({ directory }: ShimPaths): Promise<ProcessIdentity | undefined> {
  const found = await findProcesses((words) => words.includes('--dir') && words.includes(directory))
  return found[0]
}

/**
 * Kills the processes that were making this task's container or this exec's process: they name its pid file, or its directory as long as
 * they are forked from the shim but not yet exec'd. What they already put into the container's control group is killed there; a half-made
 * container's init ends when its parent does. Nothing is looked for if the shim's last word is that the runtime has ended.
 */
export async function killRuntime({ pid, directory, shimLog }: ShimPaths): Promise<void> {
  if (/^runc (create|exec)\b/.test(lastError(readFact(shimLog) ?? '') ?? '')) return
  const found = await findProcesses((words) => words.includes(pid) || words.includes(directory))
  found.forEach(killProcess)
  await haveDied(found)
}

/** Kills it if it is still this very process. */
export function killProcess({ pid, startTicks }: ProcessIdentity): void {
  if (!isAlive({ pid, startTicks })) return
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!failedWith(error, 'ESRCH')) throw error
  }
}
