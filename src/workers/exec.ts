/** The worker of execs: named pipes and process.json for one more process in a container that runs. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ExecContext } from '../../machines/exec.ts'
import type { ExecEventOf } from '../../machines/exec-events.ts'
import type { ContainerSpec } from '../../machines/spec.ts'
import { TallyError } from '../errors.ts'
import { makeFifo } from '../kernel/fifo.ts'
import { execProcess } from '../oci/exec-process.ts'
import type { HostFacts } from '../oci/facts.ts'
import { bundlePath, type Roots, rootfsPath } from '../paths.ts'
import type { ExecSpec, Stdio } from '../supervisor/port.ts'
import { readTextInside } from './rootfs-files.ts'

export interface ExecWorker {
  /** Where the pipes of the exec are: none if nobody attaches. */
  stdio(context: ExecContext): Stdio
  /** Makes the pipes; those that are there stay. @throws TallyError for an unknown user */
  prepare(context: ExecContext, container: ContainerSpec): ExecSpec
  release(context: ExecContext): Promise<void>
}

export interface ExecWorkerOptions {
  readonly roots: Roots
  readonly host: HostFacts
}

export function execWorker({ roots, host }: ExecWorkerOptions): ExecWorker {
  const stdio = (context: ExecContext): Stdio => execStdio(roots, context)
  return {
    stdio,
    prepare(context, spec) {
      const { id, container, runId, config } = createdIn(context)
      const pipes = stdio(context)
      const accounts = accountsOf(rootfsPath(roots, container.id))
      const process = { ...execProcess({ spec, exec: config, host, accounts }) }
      for (const path of Object.values(pipes)) makeFifo(path, 0o600)
      return {
        ...{ id: container.id, execId: id, runId, process, stdio: pipes, terminal: config.Tty },
        ...consoleSize(context),
      }
    },
    async release(context) {
      for (const path of Object.values(stdio(context))) await rm(path, { force: true })
    },
  }
}

const accountsOf = (rootfs: string) => ({
  passwd: readTextInside(rootfs, '/etc/passwd'),
  group: readTextInside(rootfs, '/etc/group'),
})

/** `<bundle>/<exec id>-stdout` and so on; a terminal has no stderr of its own. */
function execStdio(roots: Roots, context: ExecContext): Stdio {
  const { id, container, config } = createdIn(context)
  if (context.asked === null || context.asked.detach) return {}
  const path = (name: string): string => join(bundlePath(roots, container.id), `${id}-${name}`)
  return {
    ...(config.AttachStdin && { stdin: path('stdin') }),
    ...{ stdout: path('stdout') },
    ...(!config.Tty && { stderr: path('stderr') }),
  }
}

function consoleSize({ asked }: ExecContext): Pick<ExecSpec, 'consoleSize'> {
  const [height = 0, width = 0] = asked?.consoleSize ?? []
  return height > 0 || width > 0 ? { consoleSize: { height, width } } : {}
}

function createdIn({ created }: ExecContext): ExecEventOf<'ExecCreated'> {
  if (created === null) throw new TallyError('internal', 'an exec has no ExecCreated event')
  return created
}
