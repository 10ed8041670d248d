/** The beginning of a task: its directory, then its shim. A launch that fails leaves nothing. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { betweenPoints } from '../faults.ts'
import { reap } from '../kernel/spawn.ts'
import type { ProcessIdentity, TaskSpec } from './port.ts'
import { releaseTask } from './release.ts'
import type { RuntimeTarget } from './runc-command.ts'
import { spawnShim, taskArguments } from './shim.ts'
import type { ShimmedProcess } from './shimmed-process.ts'
import { Task, type TaskOptions } from './task.ts'
import { type BundleConfig, makeTaskDirectory, taskPaths, writeFact } from './task-directory.ts'

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
  const paths = taskPaths(root, spec.id)
  const record = await betweenPoints(options.faults, 'supervisor.makeDirectory', () =>
    makeTaskDirectory(paths, spec, config),
  )
  const task = new Task({ ...options, record, paths })
  task.follow()
  try {
    task.shim = await spawnInto(task, taskArguments(record), options)
  } catch (error) {
    task.shimEnded()
    await releaseTask(task, options.runtimeOf(task))
    task[Symbol.dispose]()
    throw error
  }
  return task
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
