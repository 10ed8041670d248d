/** What the engine does for an exec in each state of its machine. Each effect can be done again after a crash. */
import type { ExecEvent } from '../../machines/exec-events.ts'
import type { ExecEffect, ExecLife } from '../../machines/exec-life.ts'
import type { ContainerSpec } from '../../machines/spec.ts'
import { noSuchContainer, TallyError } from '../errors.ts'
import { abortable } from '../supervisor/abortable.ts'
import type { ExecRef, Supervisor } from '../supervisor/port.ts'
import type { ExecWorker } from '../workers/exec.ts'
import type { Streams, StreamTarget } from './streams.ts'

export interface ExecEffectPorts {
  readonly supervisor: Supervisor
  readonly worker: ExecWorker
  /** Of execs only: a target's id is an exec's. */
  readonly streams: Streams
  readonly specOf: (containerId: string) => ContainerSpec | undefined
}

export function performExec(
  ports: ExecEffectPorts,
  { effect, life }: { readonly effect: ExecEffect; readonly life: ExecLife },
  signal: AbortSignal,
): Promise<ExecEvent> {
  switch (effect) {
    case 'startExec':
      return start(ports, life, signal)
    case 'watchExec':
      return watch(ports, life, signal)
    case 'releaseExec':
      return release(ports, life)
  }
}

/** What the streams of the exec are. A terminal's stdin has no end to pass on. */
export function streamTarget({ worker }: Pick<ExecEffectPorts, 'worker'>, life: ExecLife): StreamTarget {
  const { context } = life
  const tty = context.created?.config.Tty === true
  return { id: execRef(life).execId, stdio: worker.stdio(context), stdinOnce: !tty }
}

async function start(ports: ExecEffectPorts, life: ExecLife, signal: AbortSignal): Promise<ExecEvent> {
  const { supervisor, worker, streams } = ports
  const ref = execRef(life)
  const container = ports.specOf(ref.id)
  if (container === undefined) throw noSuchContainer(ref.id)
  const spec = worker.prepare(life.context, container)
  const target = streamTarget(ports, life)
  streams.open(target)
  await supervisor.startExec(spec)
  streams.feed(target)
  const { pid, startTicks } = await abortable(supervisor.awaitPid(ref), signal)
  return { type: 'ExecStarted', pid, startTicks }
}

async function watch({ supervisor }: ExecEffectPorts, life: ExecLife, signal: AbortSignal) {
  const { exitCode, exitedAt, reason } = await supervisor.wait(execRef(life), signal)
  return { type: 'ExecExited', exitCode, exitedAt, ...(reason !== undefined && { reason }) } as const
}

async function release(ports: ExecEffectPorts, life: ExecLife): Promise<ExecEvent> {
  await ports.supervisor.delete(execRef(life))
  ports.streams.close(streamTarget(ports, life))
  await ports.worker.release(life.context)
  return { type: 'ExecReleased' }
}

function execRef({ context: { created } }: ExecLife): ExecRef {
  if (created === null) throw new TallyError('internal', 'an exec has no ExecCreated event')
  return { id: created.container.id, execId: created.id }
}
