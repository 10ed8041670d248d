/** Takes over the tasks that an earlier supervisor left in the directory. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { bootId } from '../kernel/host.ts'
import { Exec } from './exec.ts'
import type { ProcessIdentity } from './port.ts'
import { findShim } from './shim.ts'
import type { FollowOptions, ShimmedProcess } from './shimmed-process.ts'
import { Task } from './task.ts'
import {
  execIds,
  execPaths,
  readExecRecord,
  readExitStatus,
  readFact,
  readPid,
  readShim,
  readTaskRecord,
  type ShimPaths,
  type TaskPaths,
  taskPaths,
} from './task-directory.ts'

export interface AdoptOptions extends FollowOptions {
  readonly root: string
}

/** A directory that can't be taken over is reported and left; it must not keep the others from being adopted. */
export async function adoptTasks(options: AdoptOptions): Promise<readonly Task[]> {
  mkdirSync(options.root, { recursive: true, mode: 0o700 })
  const ids = readdirSync(options.root)
  const adopted = await Promise.all(ids.map((id) => adoptOrReport(options, id)))
  return adopted.flat()
}

async function adoptOrReport(options: AdoptOptions, id: string): Promise<readonly Task[]> {
  try {
    return await adoptTask(options, taskPaths(options.root, id))
  } catch (err) {
    options.logger.error({ task: id, err }, 'task not adopted')
    return []
  }
}

async function adoptTask(options: AdoptOptions, paths: TaskPaths): Promise<readonly Task[]> {
  const record = readTaskRecord(paths)
  const isVoid = record?.bootId !== undefined && record.bootId !== bootId()
  const shim = isVoid ? undefined : await shimOf(paths)
  if (record === undefined || shim === undefined) {
    rmSync(paths.home, { recursive: true, force: true })
    return []
  }
  const task = new Task({ ...options, record, paths })
  followAgain(options, task, shim)
  for (const execId of execIds(paths)) await adoptExec(options, task, execId)
  return [task]
}

/** One that can't be taken over keeps neither its task nor the other execs from being. */
async function adoptExec(options: AdoptOptions, task: Task, execId: string): Promise<void> {
  try {
    const paths = execPaths(task.paths, execId)
    const record = readExecRecord(paths)
    const shim = await shimOf(paths)
    if (record === undefined || shim === undefined) {
      rmSync(paths.directory, { recursive: true, force: true })
      return
    }
    const exec = new Exec({ ...options, record, paths })
    task.execs.set(execId, exec)
    followAgain(options, exec, shim)
  } catch (err) {
    options.logger.error({ task: task.record.id, exec: execId, err }, 'exec not adopted')
  }
}

function followAgain({ logger }: AdoptOptions, process: ShimmedProcess, shim: ProcessIdentity): void {
  process.adopt(shim).catch((err: unknown) => {
    logger.error({ task: process.paths.directory, err }, 'shim not followed')
  })
}

/** undefined if no shim ever ran: the supervisor was killed before it spawned one. */
async function shimOf(paths: ShimPaths): Promise<ProcessIdentity | undefined> {
  const shim = readShim(paths) ?? (await findShim(paths))
  return shim ?? (isUntouched(paths) ? undefined : { pid: 0, startTicks: '0' })
}

function isUntouched(paths: ShimPaths): boolean {
  const logs = [paths.shimLog, paths.runtimeLog].map(readFact)
  return readPid(paths) === undefined && readExitStatus(paths) === undefined && logs.every((log) => !log)
}
