/** What the engine does when it starts: fold every stream, tell it what it could not see, let its pending effects run. There is no other recovery. */
import type { ContainerEvent } from '../../machines/container-events.ts'
import type { Clock } from '../clock.ts'
import type { ContainerRows, EventStore } from '../store/port.ts'
import { NewerEventError } from '../store/upcast.ts'
import type { Supervisor, TaskState } from '../supervisor/port.ts'
import { isActive } from './commands.ts'
import type { Lifecycle } from './lifecycle.ts'
import { type Registry, streamOf } from './registry.ts'

export interface RecoveryPorts {
  readonly registry: Registry
  readonly events: EventStore
  readonly containers: ContainerRows
  readonly supervisor: Supervisor
  readonly clock: Clock
  readonly bootId: string
  readonly report: (message: string, fields: object) => void
}

/** Brings every container that is not removed back to life. One that can't be loaded is reported and does not hold up the others. @throws NewerEventError. */
export async function recover(ports: RecoveryPorts): Promise<void> {
  const tasks = new Map((await ports.supervisor.tasks()).map((task) => [task.id, task]))
  for (const { id } of ports.containers.list()) {
    try {
      recoverOne(ports, id, tasks.get(id))
    } catch (err) {
      if (err instanceof NewerEventError) throw err
      ports.report('container not recovered', { container: id, err })
    }
  }
  await releaseOrphans(ports, [...tasks.keys()])
}

function recoverOne(
  { registry, events, clock, bootId }: RecoveryPorts,
  id: string,
  task: TaskState | undefined,
): void {
  const lifecycle = registry.load(id)
  const lastBoot = events.read(streamOf(id), { after: lifecycle.version - 1 }).at(-1)?.meta.bootId
  if (lastBoot !== bootId) {
    const observedAt = clock.now()
    lifecycle.witness(() => ({ type: 'HostRebooted', bootId, observedAt }))
  }
  for (const event of frozenWhileAway(lifecycle, task)) lifecycle.witness(() => event)
  lifecycle.resume()
}

/** A pause or resume that happened while the daemon was down. */
function frozenWhileAway({ life }: Lifecycle, task: TaskState | undefined): readonly ContainerEvent[] {
  const runId = life.context.run?.id
  if (task === undefined || task.runId !== runId) return []
  return [{ type: task.status === 'paused' ? 'Paused' : 'Resumed', runId }]
}

/** Ends tasks that no container in the log wants. One whose container could not be loaded may be wanted. */
async function releaseOrphans(
  { registry, containers, supervisor, report }: RecoveryPorts,
  ids: readonly string[],
): Promise<void> {
  const isOrphan = (id: string): boolean => {
    const lifecycle = registry.get(id)
    return lifecycle === undefined ? (containers.byId(id)?.removed ?? true) : !isActive(lifecycle.life)
  }
  for (const id of ids.filter(isOrphan)) {
    report('orphaned task released', { container: id })
    await supervisor.delete(id).catch((err) => report('orphaned task not released', { container: id, err }))
  }
}
