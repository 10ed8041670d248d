/** The beginning of a task: its directory, then its shim. A launch that fails leaves nothing. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { reap } from '../kernel/spawn.ts'
import type { TaskSpec } from './port.ts'
import { releaseTask } from './release.ts'
import type { RuntimeTarget } from './runc-command.ts'
import { spawnShim } from './shim.ts'
import { Task, type TaskOptions } from './task.ts'
import { type BundleConfig, makeTaskDirectory, taskPaths, writeFact } from './task-directory.ts'

export interface LaunchOptions extends Pick<TaskOptions, 'clock' | 'logger' | 'publish'> {
  readonly spec: TaskSpec
  /** The supervisor's directory. */
  readonly root: string
  readonly runtimeRoot: string
  /** Absolute path of tally-shim. */
  readonly shim: string
  readonly runtimeOf: (task: Task) => RuntimeTarget
}

/** @throws TallyError internal if the shim can't be started. */
export async function launchTask(options: LaunchOptions): Promise<Task> {
  const { spec, root } = options
  const config = await readConfig(spec.bundle)
  const paths = taskPaths(root, spec.id)
  const record = makeTaskDirectory(paths, spec, config)
  const task = new Task({ ...options, record, paths })
  task.follow()
  try {
    await spawnInto(task, options)
  } catch (error) {
    task.shimEnded()
    await releaseTask(task, options.runtimeOf(task))
    task[Symbol.dispose]()
    throw error
  }
  return task
}

async function spawnInto(task: Task, { shim: binary, runtimeRoot }: LaunchOptions): Promise<void> {
  const { record, paths } = task
  const shim = await spawnShim({ binary, runtimeRoot, paths, record })
  task.shim = shim
  void task.shimGone.then(() => reap(shim.pid))
  writeFact(paths.shim, JSON.stringify(shim))
}

async function readConfig(bundle: string): Promise<BundleConfig> {
  return JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8')) as BundleConfig
}
