/** Takes over the tasks that an earlier supervisor left in the directory. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { findShim } from './shim.ts'
import { Task, type TaskOptions } from './task.ts'
import {
  readExitStatus,
  readFact,
  readPid,
  readRecord,
  readShim,
  type TaskPaths,
  taskPaths,
} from './task-directory.ts'

export interface AdoptOptions extends Pick<TaskOptions, 'clock' | 'logger' | 'publish'> {
  readonly root: string
}

/** A directory that can't be taken over is reported and left; it must not keep the others from being adopted. */
export function adoptTasks(options: AdoptOptions): readonly Task[] {
  mkdirSync(options.root, { recursive: true, mode: 0o700 })
  return readdirSync(options.root).flatMap((id) => {
    try {
      return adoptTask(options, taskPaths(options.root, id))
    } catch (err) {
      options.logger.error({ task: id, err }, 'task not adopted')
      return []
    }
  })
}

function adoptTask(options: AdoptOptions, paths: TaskPaths): readonly Task[] {
  const record = readRecord(paths)
  const shim = readShim(paths) ?? findShim(paths)
  if (record === undefined || (shim === undefined && isUntouched(paths))) {
    rmSync(paths.home, { recursive: true, force: true })
    return []
  }
  const task = new Task({ ...options, record, paths })
  task.adopt(shim ?? { pid: 0, startTicks: '0' }).catch((err: unknown) => {
    options.logger.error({ task: record.id, err }, 'shim not followed')
  })
  return [task]
}

/** No shim ever ran for it: the supervisor was killed before it spawned one. */
function isUntouched(paths: TaskPaths): boolean {
  const logs = [paths.shimLog, paths.runtimeLog].map(readFact)
  return readPid(paths) === undefined && readExitStatus(paths) === undefined && logs.every((log) => !log)
}
