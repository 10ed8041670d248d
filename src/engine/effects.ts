/** Which worker carries out which effect of the container machine. */
import type { ContainerEvent, LaunchStep } from '../../machines/container-events.ts'
import type { Effect, Life } from '../../machines/container-life.ts'
import { parseSignal } from '../../machines/signals.ts'
import { TallyError } from '../errors.ts'
import { betweenPoints, type Faults } from '../faults.ts'
import type { Supervisor } from '../supervisor/port.ts'
import type { Volumes } from '../volumes/port.ts'
import type { ExecWorker } from '../workers/exec.ts'
import { sendSignal, watchProcess } from '../workers/running.ts'
import type { Job, Worker } from '../workers/worker.ts'

export interface EffectWorkers {
  readonly supervisor: Supervisor
  readonly launch: Readonly<Record<LaunchStep, Worker>>
  readonly exec: ExecWorker
  /** Gives a running container the limits of its host config. */
  readonly applyLimits: (job: Job) => Promise<void>
  /** Deletes what belongs to the container alone: its layers and its files. */
  readonly remove: (id: string) => Promise<void>
}

/** What the engine adds: places to make things go wrong, and waiting until the log is safe against a power cut. */
interface EffectPorts extends EffectWorkers {
  readonly faults: Faults
  readonly durable: () => Promise<void>
  readonly volumes: Pick<Volumes, 'removeAnonymous'>
  /** Answers when no exec runs in the container any more. */
  readonly endExecs: (id: string, signal: AbortSignal) => Promise<void>
}

/** In the order in which they are undone: newest first. */
const undoOrder: readonly LaunchStep[] = [
  'startProcess',
  'awaitPid',
  'startShim',
  'prepareBundle',
  'mountRootfs',
]

/** Carries out `effect` for the container in state `life` and answers with the events to record. */
export async function perform(
  workers: EffectPorts,
  due: { readonly effect: Effect; readonly life: Life },
  signal: AbortSignal,
): Promise<readonly ContainerEvent[]> {
  return betweenPoints(workers.faults, `perform.${due.effect.type}`, () => carryOut(workers, due, signal))
}

async function carryOut(
  workers: EffectPorts,
  { effect, life }: { readonly effect: Effect; readonly life: Life },
  signal: AbortSignal,
): Promise<readonly ContainerEvent[]> {
  const { id } = life.context
  const { runId } = effect
  switch (effect.type) {
    case 'mountRootfs':
    case 'prepareBundle':
    case 'startShim':
    case 'awaitPid':
    case 'startProcess':
      return workers.launch[effect.type].perform(jobOf(life, runId), signal)
    case 'watchProcess':
      return watchProcess(workers.supervisor, { id, runId }, signal)
    case 'pause':
      await workers.supervisor.pause(id)
      return [{ type: 'Paused', runId }]
    case 'resume':
      await workers.supervisor.resume(id)
      return [{ type: 'Resumed', runId }]
    case 'applyLimits':
      await workers.applyLimits(jobOf(life, runId))
      return [{ type: 'LimitsApplied', runId }]
    case 'sendSignal': {
      const { signal: name } = effect
      return sendSignal(workers.supervisor, { id, runId, signal: name }, thaws(life, name))
    }
    case 'release':
      await workers.endExecs(id, signal)
      return release(workers, life, runId)
    case 'remove':
      // A power cut must not leave a container in the log whose layers are gone.
      await workers.durable()
      await workers.remove(id)
      await removeVolumes(workers, life)
      return [{ type: 'Removed' }]
  }
}

/** A container that removes itself takes its anonymous volumes along; otherwise who removes it says so. */
async function removeVolumes({ volumes }: EffectPorts, { context }: Life): Promise<void> {
  const { id, spec, removal } = context
  if (spec?.mounts !== undefined && (removal === null || removal.volumes))
    await volumes.removeAnonymous(id, spec.mounts)
}

/** Whether a container that is paused, or will be when that is done which comes before the signal, is resumed to take the signal: if that one is to end it, and any if it names none of its own, as in Docker. */
function thaws(life: Life, signal: string): boolean {
  if (life.matches({ running: { freezer: 'thawed' } })) return false
  const { run, spec } = life.context
  const own = parseSignal(spec?.config.StopSignal ?? '')
  return (
    run?.stopRequested === true || signal === 'SIGKILL' || own === undefined || own === parseSignal(signal)
  )
}

/** Walks back through all steps of the start, newest first; every undo is fine with nothing there. */
async function release(workers: EffectPorts, life: Life, runId: string): Promise<readonly ContainerEvent[]> {
  const job = jobOf(life, runId)
  for (const step of undoOrder)
    await betweenPoints(workers.faults, `undo.${step}`, () => workers.launch[step].undo(job))
  return [{ type: 'Released', runId }]
}

function jobOf({ context }: Life, runId: string): Job {
  const { id, name, spec } = context
  if (spec === null) throw new TallyError('internal', `container ${id} has no ContainerCreated event`)
  return { id, name, spec, runId }
}
