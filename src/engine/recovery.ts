/**
 * What the engine does when it starts: fold every stream, look once at what is there, release what no container wants, tell each container what
 * it could not see, let its pending effects run. There is no other recovery.
 */
import type { ContainerEvent } from '../../machines/container-events.ts'
import { startsWithDaemon } from '../../machines/restart-policy.ts'
import type { Clock } from '../clock.ts'
import type { Random } from '../random.ts'
import type { EventStore } from '../store/port.ts'
import { NewerEventError } from '../store/upcast.ts'
import type { TaskState } from '../supervisor/port.ts'
import { isActive } from './commands.ts'
import type { Lifecycle } from './lifecycle.ts'
import { type OrphanPorts, releaseOrphans } from './orphans.ts'
import { newRunId, streamOf } from './registry.ts'

export interface RecoveryPorts extends OrphanPorts {
  readonly events: EventStore
  readonly clock: Clock
  readonly random: Random
  readonly bootId: string
}

/**
 * Brings every container that is not removed back to life. One that can't be loaded is reported and does not hold up the others.
 * @throws NewerEventError.
 */
export async function recover(ports: RecoveryPorts): Promise<void> {
  const tasks = new Map((await ports.supervisor.tasks()).map((task) => [task.id, task]))
  const loaded = ports.containers.list().flatMap(({ id }) => load(ports, id))
  await releaseOrphans(ports, tasks)
  for (const [id, lifecycle] of loaded) tell(ports, lifecycle, tasks.get(id))
}

function load({ registry, report }: RecoveryPorts, id: string): readonly (readonly [string, Lifecycle])[] {
  try {
    return [[id, registry.load(id)]]
  } catch (err) {
    if (err instanceof NewerEventError) throw err
    report('container not recovered', { container: id, err })
    return []
  }
}

function tell(
  { events, clock, random, bootId }: RecoveryPorts,
  lifecycle: Lifecycle,
  task: TaskState | undefined,
): void {
  const stream = streamOf(lifecycle.life.context.id)
  const lastBoot = events.read(stream, { after: lifecycle.version - 1 }).at(-1)?.meta.bootId
  if (lastBoot !== bootId) {
    const observedAt = clock.now()
    lifecycle.witness(() => ({ type: 'HostRebooted', bootId, observedAt }))
  }
  for (const event of sinceThen(lifecycle, task)) lifecycle.witness(() => event)
  const { life } = lifecycle
  if (!isActive(life) && startsWithDaemon(life.context)) {
    const runId = newRunId(random)
    lifecycle.witness(() => ({ type: 'StartRequested', runId }))
  }
  lifecycle.resume()
}

/** What the task did while nobody listened, as far as it shows. An end is told by who waits for it. */
export function sinceThen(
  { life }: Pick<Lifecycle, 'life'>,
  task: TaskState | undefined,
): readonly ContainerEvent[] {
  const runId = life.context.run?.id
  if (task === undefined || task.runId !== runId) return []
  const oom: readonly ContainerEvent[] = task.oomKilled ? [{ type: 'OomKilled', runId }] : []
  if (task.status === 'paused') return [...oom, { type: 'Paused', runId }]
  return task.status === 'running' ? [...oom, { type: 'Resumed', runId }] : oom
}
