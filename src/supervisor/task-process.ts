/** The processes of a task: named, signalled and frozen so that no other process is ever meant. */
import { TallyError } from '../errors.ts'
import { failedWith } from '../kernel/addon.ts'
import { isAlive } from '../kernel/process-identity.ts'
import { cgroupMembers, isFrozen, thaw } from './cgroup.ts'
import type { Exec } from './exec.ts'
import type { ProcessIdentity, Resources } from './port.ts'
import { pauseContainer, type RuntimeTarget, resumeContainer, updateContainer } from './runc-command.ts'
import type { Task } from './task.ts'
import { writeFact } from './task-directory.ts'

const SIGKILL = 9

/** Pids of all processes, the first one's first. */
export async function taskProcesses({ process: first, cgroup }: Task): Promise<readonly number[]> {
  const others = (await cgroupMembers(cgroup)).filter((pid) => pid !== first?.pid)
  return first !== null && isAlive(first) ? [first.pid, ...others] : others
}

/** Signals the first process; SIGKILL also lets it run if it is frozen, for a frozen process can't die. @throws TallyError not-found */
export async function signalTask(task: Task, signal: number): Promise<void> {
  send(runningProcess(task).pid, signal)
  if (signal === SIGKILL && isFrozen(task.cgroup)) await thaw(task.cgroup)
}

/** Signals an exec'd process. @throws TallyError not-found */
export function signalExec(exec: Exec, signal: number): void {
  const { execId } = exec.record
  if (exec.process === null || exec.exit !== null || !isAlive(exec.process))
    throw new TallyError('not-found', `exec ${execId}: process already finished: not found`)
  send(exec.process.pid, signal)
}

/** Signals every process. @throws TallyError not-found if the first one does not run. */
export async function signalWholeTask(task: Task, signal: number): Promise<void> {
  const { pid } = runningProcess(task)
  const others = (await taskProcesses(task)).filter((other) => other !== pid)
  await signalTask(task, signal)
  for (const other of others) send(other, signal)
}

/** Pauses or resumes. @returns whether there was anything to do. @throws TallyError not-found if it does not run, internal if the runtime refuses. */
export async function setFrozen(task: Task, runtime: RuntimeTarget, frozen: boolean): Promise<boolean> {
  runningProcess(task)
  if (isFrozen(task.cgroup) === frozen) return false
  const command = frozen ? pauseContainer : resumeContainer
  const result = await command(runtime, task.cancel.signal)
  if (result.ok) return true
  const name = frozen ? 'pause' : 'resume'
  throw new TallyError('internal', `OCI runtime ${name} failed: ${result.message}: unknown`, {
    detail: result.log,
  })
}

/** Changes limits. @throws TallyError not-found if it does not run, internal if the runtime refuses. */
export async function updateTask(task: Task, runtime: RuntimeTarget, resources: Resources): Promise<void> {
  runningProcess(task)
  writeFact(task.paths.resources, JSON.stringify(resources))
  const result = await updateContainer(runtime, task.paths.resources, task.cancel.signal)
  if (result.ok) return
  throw new TallyError('internal', `OCI runtime update failed: ${result.message}: unknown`, {
    detail: result.log,
  })
}

/** The first process, if it is still that very process. */
export function runningProcess({ record, process: first, exit }: Task): ProcessIdentity {
  if (first === null || exit !== null || !isAlive(first))
    throw new TallyError('not-found', `task ${record.id}: process already finished: not found`)
  return first
}

/** A process that has ended meanwhile is fine. */
function send(pid: number, signal: number): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!failedWith(error, 'ESRCH')) throw error
  }
}
