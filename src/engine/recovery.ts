/** What the engine does when it starts: fold every stream, tell it what it could not see, let its pending effects run. There is no other recovery. */
import type { ContainerEvent } from '../../machines/container-events.ts'
import type { Clock } from '../clock.ts'
import type { ContainerRows, EventStore } from '../store/port.ts'
import type { Supervisor, TaskState } from '../supervisor/port.ts'
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

/** Brings every container that is not removed back to life. One that can't be loaded is reported and does not hold up the others. */
export async function recover(ports: RecoveryPorts): Promise<void> {
  const tasks = new Map((await ports.supervisor.tasks()).map((task) => [task.id, task]))
  for (const { id } of ports.containers.list()) {
    try {
      recoverOne(ports, id, tasks.get(id))
    } catch (err) {
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
  if (lastBoot !== bootId) lifecycle.observe({ type: 'HostRebooted', bootId, observedAt: clock.now() })
  for (const event of frozenWhileAway(lifecycle, task)) lifecycle.observe(event)
  lifecycle.resume()
}

/** A pause or resume that happened while the daemon was down. */
function frozenWhileAway({ life }: Lifecycle, task: TaskState | undefined): readonly ContainerEvent[] {
  const runId = life.context.run?.id
  if (task === undefined || task.runId !== runId) return []
  return [{ type: task.status === 'paused' ? 'Paused' : 'Resumed', runId }]
}

/** Ends tasks that no container in the log wants. */
async function releaseOrphans(
  { registry, supervisor, report }: RecoveryPorts,
  ids: readonly string[],
): Promise<void> {
  for (const id of ids.filter((task) => registry.get(task) === undefined)) {
    report('orphaned task released', { container: id })
    await supervisor.delete(id).catch((err) => report('orphaned task not released', { container: id, err }))
  }
}
