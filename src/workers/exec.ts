/** The worker of execs: named pipes and the process for one more process in a container that runs. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecConfig } from '../../machines/exec-events.ts'
import type { ContainerSpec } from '../../machines/spec.ts'
import { makeFifo } from '../kernel/fifo.ts'
import { execProcess } from '../oci/exec-process.ts'
import type { HostFacts } from '../oci/facts.ts'
import { bundlePath, type Roots, rootfsPath } from '../paths.ts'
import type { ExecRef, ExecSpec, Size, Stdio } from '../supervisor/port.ts'
import { readTextInside } from './rootfs-files.ts'

/** What is to run. */
export interface ExecJob extends ExecRef {
  readonly runId: string
  readonly config: ExecConfig
  /** Somebody listens, or will. */
  readonly attached: boolean
  readonly consoleSize?: Size
}

export interface ExecWorker {
  /** Where the pipes of the exec are: none if nobody attaches. */
  stdio(job: ExecJob): Stdio
  /** Makes the pipes; those that are there stay. @throws TallyError for an unknown user */
  prepare(job: ExecJob, container: ContainerSpec): ExecSpec
  release(job: ExecJob): Promise<void>
}

export interface ExecWorkerOptions {
  readonly roots: Roots
  readonly host: HostFacts
}

export function execWorker({ roots, host }: ExecWorkerOptions): ExecWorker {
  const stdio = (job: ExecJob): Stdio => execStdio(bundlePath(roots, job.id), job)
  return {
    stdio,
    prepare(job, spec) {
      const { id, execId, runId, config, consoleSize } = job
      const accounts = accountsOf(rootfsPath(roots, id))
      const process = { ...execProcess({ spec, exec: config, host, accounts }) }
      const pipes = stdio(job)
      for (const path of Object.values(pipes)) makeFifo(path, 0o600)
      return {
        ...{ id, execId, runId, process, stdio: pipes, terminal: config.Tty },
        ...(consoleSize && { consoleSize }),
      }
    },
    async release(job) {
      for (const path of Object.values(stdio(job))) await rm(path, { force: true })
    },
  }
}

const accountsOf = (rootfs: string) => ({
  passwd: readTextInside(rootfs, '/etc/passwd'),
  group: readTextInside(rootfs, '/etc/group'),
})

/** `<bundle>/<exec id>-stdout` and so on; a terminal has no stderr of its own. */
function execStdio(bundle: string, { execId, config, attached }: ExecJob): Stdio {
  if (!attached) return {}
  const path = (name: string): string => join(bundle, `${execId}-${name}`)
  return {
    ...(config.AttachStdin && { stdin: path('stdin') }),
    ...{ stdout: path('stdout') },
    ...(!config.Tty && { stderr: path('stderr') }),
  }
}
