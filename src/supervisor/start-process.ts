/** `runc start`, once: a second call finds by the traces of the first that the user's program was let run. */
import { existsSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, rfc3339 } from '../clock.ts'
import { TallyError } from '../errors.ts'
import { betweenPoints } from '../faults.ts'
import { startFailure } from './failure.ts'
import { type RuntimeTarget, startContainer } from './runc-command.ts'
import type { Task } from './task.ts'
import { readFact, writeFact } from './task-directory.ts'

export interface StartOptions {
  readonly task: Task
  readonly runtime: RuntimeTarget
  readonly clock: Clock
}

/** `first` is false if an earlier call had already started the process. @throws TallyError with `exitCode` if it can't be started. */
export async function startProcess(options: StartOptions): Promise<{ startedAt: string; first: boolean }> {
  const { task, runtime, clock } = options
  const known = readFact(task.paths.started)
  if (known !== undefined) return { startedAt: known, first: false }
  const earlier = earlierStart(task, runtime)
  if (earlier !== undefined) return record(task, earlier)
  if (task.process === null)
    throw new TallyError('conflict', `container ${task.record.id} is not created yet`)
  const result = await betweenPoints(task.options.faults, 'supervisor.runtimeStart', () =>
    startContainer(runtime, task.cancel.signal),
  )
  if (!result.ok) throw failure(task, result)
  return record(task, startTime(runtime) ?? clock.now())
}

async function record(task: Task, seen: string): Promise<{ startedAt: string; first: boolean }> {
  const { exitedAt } = task.exit ?? { exitedAt: seen }
  const startedAt = exitedAt < seen ? exitedAt : seen
  task.newStart = startedAt
  await betweenPoints(task.options.faults, 'supervisor.recordStart', () =>
    writeFact(task.paths.started, startedAt),
  )
  return { startedAt, first: true }
}

/**
 * When a start whose caller was killed took place; undefined if there was none. `runc create` leaves `exec.fifo` beside its state and
 * holds it open in the waiting process; `runc start` reads it, whereupon the program is exec'd and the descriptor closes, and removes it.
 */
function earlierStart({ process, adopted }: Task, { root, id }: RuntimeTarget): string | undefined {
  const state = join(root, id)
  const fifo = join(state, 'exec.fifo')
  if (!adopted || process === null || !existsSync(state)) return undefined
  if (existsSync(fifo)) {
    if (waitsForStart(process.pid) !== false) return undefined
    rmSync(fifo, { force: true })
  }
  return startTime({ root, id })
}

/**
 * When `exec.fifo` was removed: the last change of the state directory. The time at which `runc start` returned would be later than the end
 * of a short process.
 */
function startTime({ root, id }: Pick<RuntimeTarget, 'root' | 'id'>): string | undefined {
  const state = statSync(join(root, id), { bigint: true, throwIfNoEntry: false })
  return state === undefined ? undefined : rfc3339(state.mtimeNs)
}

/** undefined: the process is gone. */
function waitsForStart(pid: number): boolean | undefined {
  try {
    const directory = `/proc/${pid}/fd`
    return readdirSync(directory).some((fd) => readlinkSync(join(directory, fd)).endsWith('/exec.fifo'))
  } catch {
    return undefined
  }
}

function failure({ record: { command }, exit }: Task, said: { message: string; log: string }): TallyError {
  const otherwise = exit === null ? said.message : 'container process is already dead'
  return startFailure({ step: 'start', command, runtimeLog: said.log, shimLog: '', otherwise })
}
