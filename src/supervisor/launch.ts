/** The beginning of a task: its directory, then its shim. A launch that fails leaves nothing. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { betweenPoints } from '../faults.ts'
import { reap } from '../kernel/spawn.ts'
import type { ProcessIdentity, TaskSpec } from './port.ts'
import { releaseTask } from './release.ts'
import type { RuntimeTarget } from './runc-command.ts'
import { spawnShim, taskArguments } from './shim.ts'
import type { ShimmedProcess } from './shimmed-process.ts'
import { Task, type TaskOptions } from './task.ts'
import {
  type BundleConfig,
  makeTaskDirectory,
  type TaskPaths,
  taskPaths,
  writeFact,
} from './task-directory.ts'

export interface LaunchOptions extends Pick<TaskOptions, 'clock' | 'logger' | 'faults' | 'publish'> {
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
  const task = await openTask(options, taskPaths(root, spec.id), config)
  task.follow()
  try {
    task.shim = await spawnInto(task, taskArguments(task.record), options)
  } catch (error) {
    task.shimEnded()
    await releaseTask(task, options.runtimeOf(task))
    task[Symbol.dispose]()
    throw error
  }
  return task
}

/** Makes the task's directory and opens the fifos in it. */
async function openTask(options: LaunchOptions, paths: TaskPaths, config: BundleConfig): Promise<Task> {
  try {
    const record = await betweenPoints(options.faults, 'supervisor.makeDirectory', () =>
      makeTaskDirectory(paths, options.spec, config),
    )
    return new Task({ ...options, record, paths })
  } catch (error) {
    await rm(paths.home, { recursive: true, force: true })
    throw error
  }
}

/** Starts the shim of something that already listens for it. */
export async function spawnInto(
  { paths, shimGone }: Pick<ShimmedProcess, 'paths' | 'shimGone'>,
  given: readonly string[],
  { shim: binary, runtimeRoot, faults }: Pick<LaunchOptions, 'shim' | 'runtimeRoot' | 'faults'>,
): Promise<ProcessIdentity> {
  await faults.reach('supervisor.spawnShim.before')
  const shim = await spawnShim({ binary, runtimeRoot, paths, given })
  void shimGone.then(() => reap(shim.pid))
  await faults.reach('supervisor.spawnShim.after')
  await betweenPoints(faults, 'supervisor.recordShim', () => writeFact(paths.shim, JSON.stringify(shim)))
  return shim
}

async function readConfig(bundle: string): Promise<BundleConfig> {
  return JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8')) as BundleConfig
}
