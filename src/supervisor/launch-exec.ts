/** The beginning of an exec: its directory beside the task's, then its shim. A launch that fails leaves nothing. */
import { rm } from 'node:fs/promises'
import { conflict } from '../errors.ts'
import { betweenPoints } from '../faults.ts'
import { Exec } from './exec.ts'
import { spawnInto } from './launch.ts'
import type { ExecSpec } from './port.ts'
import { releaseExec } from './release.ts'
import { execArguments } from './shim.ts'
import type { FollowOptions } from './shimmed-process.ts'
import type { Task } from './task.ts'
import { execPaths, makeExecDirectory, type ShimPaths } from './task-directory.ts'

export interface LaunchExecOptions extends FollowOptions {
  readonly task: Task
  readonly spec: ExecSpec
  readonly runtimeRoot: string
  /** Absolute path of tally-shim. */
  readonly shim: string
}

/** @throws TallyError conflict if the task is not in a state for it, internal if the shim can't be started. */
export async function launchExec(options: LaunchExecOptions): Promise<Exec> {
  const { task, spec } = options
  checkRuns(task, spec)
  const paths = execPaths(task.paths, spec.execId)
  const exec = await openExec(options, paths)
  exec.follow()
  try {
    exec.shim = await spawnInto(exec, execArguments(exec.record, paths), options)
  } catch (error) {
    exec.shimEnded()
    await releaseExec(exec)
    exec[Symbol.dispose]()
    throw error
  }
  return exec
}

/** Makes the exec's directory and opens the fifos in it. */
async function openExec(options: LaunchExecOptions, paths: ShimPaths): Promise<Exec> {
  const { task, spec, faults } = options
  try {
    const record = await betweenPoints(faults, 'supervisor.makeExecDirectory', () =>
      makeExecDirectory(paths, spec, task.record.runtime),
    )
    return new Exec({ ...options, record, paths })
  } catch (error) {
    await rm(paths.directory, { recursive: true, force: true })
    throw error
  }
}

function checkRuns(task: Task, { runId }: ExecSpec): void {
  const { status, id, runId: ofTask } = task.state()
  if (ofTask !== runId) throw conflict(`task ${id} is of another run: failed precondition`)
  if (status !== 'running') throw conflict(`task ${id} is ${status}: cannot exec in it: failed precondition`)
}
