/** What the engine does for an exec in each state of its machine. Each effect can be done again after a crash. */
import type { ExecEvent } from '../../machines/exec-events.ts'
import type { ExecEffect, ExecLife } from '../../machines/exec-life.ts'
import type { ContainerSpec } from '../../machines/spec.ts'
import { noSuchContainer } from '../errors.ts'
import { betweenPoints, type Faults } from '../faults.ts'
import { abortable } from '../supervisor/abortable.ts'
import type { Supervisor } from '../supervisor/port.ts'
import type { ExecJob, ExecWorker } from '../workers/exec.ts'
import { createdIn } from './exec-facts.ts'
import type { Streams, StreamTarget } from './streams.ts'

export interface ExecEffectPorts {
  readonly supervisor: Supervisor
  readonly worker: ExecWorker
  /** Of execs only: a target's id is an exec's. */
  readonly streams: Streams
  readonly faults: Faults
  readonly specOf: (containerId: string) => ContainerSpec | undefined
}

export function performExec(
  ports: ExecEffectPorts,
  { effect, life }: { readonly effect: ExecEffect; readonly life: ExecLife },
  signal: AbortSignal,
): Promise<ExecEvent> {
  return betweenPoints(ports.faults, `perform.${effect}`, () => effects[effect](ports, jobOf(life), signal))
}

type Perform = (ports: ExecEffectPorts, job: ExecJob, signal: AbortSignal) => Promise<ExecEvent>

const effects: Readonly<Record<ExecEffect, Perform>> = { startExec, watchExec, releaseExec }

export function jobOf(life: ExecLife): ExecJob {
  const { asked } = life.context
  const { id: execId, container, runId, config } = createdIn(life)
  const [height = 0, width = 0] = asked?.consoleSize ?? []
  return {
    ...{ id: container.id, execId, runId, config, attached: asked !== null && !asked.detach },
    ...((height > 0 || width > 0) && { consoleSize: { height, width } }),
  }
}

/** What the streams of the exec are. A terminal's stdin has no end to pass on. */
export const streamTarget = ({ worker }: Pick<ExecEffectPorts, 'worker'>, job: ExecJob): StreamTarget => ({
  id: job.execId,
  stdio: worker.stdio(job),
  stdinOnce: !job.config.Tty,
})

async function startExec(ports: ExecEffectPorts, job: ExecJob, signal: AbortSignal): Promise<ExecEvent> {
  const { supervisor, worker, streams } = ports
  const container = ports.specOf(job.id)
  if (container === undefined) throw noSuchContainer(job.id)
  const spec = worker.prepare(job, container)
  const target = streamTarget(ports, job)
  streams.open(target)
  await supervisor.startExec(spec)
  const { pid, startTicks } = await abortable(supervisor.awaitPid({ id: job.id, execId: job.execId }), signal)
  // Not before: what is written, and the end of it, would be lost as long as the shim does not hold the pipe open.
  streams.feed(target)
  return { type: 'ExecStarted', pid, startTicks }
}

async function watchExec({ supervisor }: ExecEffectPorts, { id, execId }: ExecJob, signal: AbortSignal) {
  const { exitCode, exitedAt, reason } = await supervisor.wait({ id, execId }, signal)
  return { type: 'ExecExited', exitCode, exitedAt, ...(reason !== undefined && { reason }) } as const
}

/** What the process has written is with its shim until who is attached has taken it. */
async function releaseExec(ports: ExecEffectPorts, job: ExecJob, signal: AbortSignal): Promise<ExecEvent> {
  const { id, execId } = job
  await abortable(ports.streams.quiet(execId), signal)
  await ports.supervisor.delete({ id, execId })
  ports.streams.close(streamTarget(ports, job))
  await ports.worker.release(job)
  return { type: 'ExecReleased' }
}
