/** Ends a task: whatever state it is in, nothing of it is left. Every step finds its work done if it is called again. */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { TallyError } from '../errors.ts'
import { betweenPoints } from '../faults.ts'
import { killCgroup, removeCgroup } from './cgroup.ts'
import type { Exec } from './exec.ts'
import { deleteContainer, type RuntimeTarget } from './runc-command.ts'
import { isPlain } from './runc-state.ts'
import { killProcess, killRuntime } from './shim.ts'
import type { ShimmedProcess } from './shimmed-process.ts'
import type { Task } from './task.ts'

/** How long each wait may take before the next, harder step. */
const patience = 2000

/** @throws TallyError internal if a process would not die: the task stays, so that it can be tried again. */
export async function releaseTask(task: Task, runtime: RuntimeTarget): Promise<void> {
  const execs = [...task.execs.values()]
  const step = <T>(name: string, work: () => Promise<T>) =>
    betweenPoints(task.options.faults, `supervisor.${name}`, work)
  await step('endProcesses', () => Promise.all([task, ...execs].map(endProcess)))
  const survivors = await step('killCgroup', () => killCgroup(task.cgroup))
  if (survivors.length > 0)
    throw new TallyError('internal', `could not kill container: processes ${survivors.join(' ')} do not die`)
  await step('endShims', () => Promise.all([task, ...execs].map(endShim)))
  await step('forget', () => forget(task, runtime))
  await step('removeDirectory', () => rm(task.paths.home, { recursive: true, force: true }))
}

/** Ends an exec and removes its directory; the container goes on. */
export async function releaseExec(exec: Exec): Promise<void> {
  await endProcess(exec)
  await endShim(exec)
  await rm(exec.paths.directory, { recursive: true, force: true })
}

/** One that is still being created is abandoned: the shim first, so that it starts nothing any more. */
async function endProcess({ process, shim, paths }: ShimmedProcess): Promise<void> {
  killProcess(process ?? shim)
  if (process === null) await killRuntime(paths)
}

/** The shim ends by itself once the processes are gone and the output is delivered. */
async function endShim({ shim, shimGone }: ShimmedProcess): Promise<void> {
  await Promise.race([shimGone, sleep(patience, undefined, { ref: false })])
  killProcess(shim)
  await Promise.race([shimGone, sleep(patience, undefined, { ref: false })])
}

async function forget(task: Task, runtime: RuntimeTarget): Promise<void> {
  if (!(await forgetEndedContainer(task, runtime))) await forgetContainer(task, runtime)
}

/** In place of `runc delete`, whose 40 ms are spent on starting. @returns whether nothing is left. */
async function forgetEndedContainer({ exit, cgroup }: Task, runtime: RuntimeTarget): Promise<boolean> {
  const reaped = exit !== null && exit.reason === undefined
  if (!reaped || !isPlain(runtime, cgroup) || !(await removeCgroup(cgroup))) return false
  await rm(join(runtime.root, runtime.id), { recursive: true })
  return true
}

/** What `runc delete` does not know (a state directory without state.json, runc issue 4534) is removed by its path. */
async function forgetContainer({ cgroup }: Task, runtime: RuntimeTarget): Promise<void> {
  const state = join(runtime.root, runtime.id)
  if (existsSync(state)) {
    await deleteContainer(runtime, AbortSignal.timeout(10_000))
    await rm(state, { recursive: true, force: true })
  }
  await killCgroup(cgroup)
  await removeCgroup(cgroup)
}
