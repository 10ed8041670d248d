/**
 * The workers that start a container's process through the supervisor: `startShim`, `awaitPid`, `startProcess`. A runtime that hangs must not
 * keep them: who cancels the start deletes the task next, which ends the runtime.
 */
import { join } from 'node:path'
import type { ContainerSpec } from '../../machines/spec.ts'
import { logLimits } from '../oci/log-driver.ts'
import { terminalSize } from '../oci/process.ts'
import { bundlePath, logPath, type Roots } from '../paths.ts'
import { abortable } from '../supervisor/abortable.ts'
import type { LogTarget, Stdio, Supervisor, TaskSpec } from '../supervisor/port.ts'
import type { Job, Worker } from './worker.ts'

export interface TaskWorkerOptions {
  readonly roots: Roots
  readonly supervisor: Supervisor
  readonly bootId: string
  /** The OCI runtime's binary for a name in HostConfig.Runtime. */
  readonly runtimePath: (name: string) => string
  /** Called before the shim is started, so that who attached already misses no byte. */
  readonly openStreams: (job: Job) => void
  /** Called once the shim holds the pipes open: what is written before is lost if its writer goes again. */
  readonly feedStreams: (job: Job) => void
  /** Called when the shim is gone, or never came, while the pipes are still there. */
  readonly closeStreams: (job: Job) => void
}

export function startShimWorker(options: TaskWorkerOptions): Worker {
  const { supervisor } = options
  return {
    async perform(job, signal) {
      options.openStreams(job)
      const { pid, startTicks } = await supervisor.startShim(taskSpec(options, job), signal)
      return [{ type: 'ShimStarted', runId: job.runId, shimPid: pid, shimStartTicks: startTicks }]
    },
    async undo(job) {
      await supervisor.delete(job.id)
      options.closeStreams(job)
    },
  }
}

export function awaitPidWorker({ supervisor, feedStreams }: TaskWorkerOptions): Worker {
  return {
    async perform(job, signal) {
      const { id, runId } = job
      const { pid, startTicks } = await abortable(supervisor.awaitPid(id), signal)
      feedStreams(job)
      return [{ type: 'PidRecorded', runId, pid, startTicks }]
    },
    undo: async () => undefined,
  }
}

export function startProcessWorker({ supervisor, bootId }: TaskWorkerOptions): Worker {
  return {
    async perform({ id, runId }, signal) {
      const { startedAt } = await abortable(supervisor.startProcess(id), signal)
      return [{ type: 'ProcessStarted', runId, startedAt, bootId }]
    },
    undo: async () => undefined,
  }
}

function taskSpec({ roots, runtimePath }: TaskWorkerOptions, { id, runId, spec }: Job): TaskSpec {
  const bundle = bundlePath(roots, id)
  return {
    id,
    runId,
    bundle,
    stdio: stdioOf(bundle, spec),
    terminal: spec.config.Tty,
    ...terminalSize(spec),
    log: logTarget(spec, logPath(roots, id)),
    runtime: runtimePath(spec.hostConfig.Runtime),
  }
}

/** The named pipes of a container, as the bundle worker makes them. */
export function stdioOf(bundle: string, { config }: ContainerSpec): Stdio {
  return {
    ...(config.OpenStdin ? { stdin: join(bundle, 'init-stdin') } : {}),
    stdout: join(bundle, 'init-stdout'),
    ...(config.Tty ? {} : { stderr: join(bundle, 'init-stderr') }),
  }
}

function logTarget({ hostConfig }: ContainerSpec, path: string): LogTarget | null {
  if (hostConfig.LogConfig.Type === 'none') return null
  return { driver: 'json-file', path, ...logLimits(hostConfig.LogConfig) }
}
