/**
 * What the engine does when it starts: fold every stream, look once at what is there, release what no container wants, tell each container what
 * it could not see, let its pending effects run. There is no other recovery.
 */
import type { ContainerEvent } from '../../machines/container-events.ts'
import { startsWithDaemon } from '../../machines/restart-policy.ts'
import type { Clock } from '../clock.ts'
import type { Random } from '../random.ts'
import type { ContainerRows, EventStore } from '../store/port.ts'
import { NewerEventError } from '../store/upcast.ts'
import type { Supervisor, TaskState } from '../supervisor/port.ts'
import { type Leftover, type LeftoverKind, type Leftovers, leftoverKinds } from '../workers/leftovers.ts'
import { isActive } from './commands.ts'
import type { Lifecycle } from './lifecycle.ts'
import { newRunId, type Registry, streamOf } from './registry.ts'

export interface RecoveryPorts {
  readonly registry: Registry
  readonly events: EventStore
  readonly containers: ContainerRows
  readonly supervisor: Supervisor
  readonly leftovers: Leftovers
  /** The control group that holds those of containers which ask for no other. */
  readonly cgroupParent: string
  readonly clock: Clock
  readonly random: Random
  readonly bootId: string
  readonly report: (message: string, fields: object) => void
}

type Tasks = ReadonlyMap<string, TaskState>

/**
 * Brings every container that is not removed back to life. One that can't be loaded is reported and does not hold up the others.
 * @throws NewerEventError.
 */
export async function recover(ports: RecoveryPorts): Promise<void> {
  const tasks: Tasks = new Map((await ports.supervisor.tasks()).map((task) => [task.id, task]))
  const loaded = ports.containers.list().flatMap(({ id }) => load(ports, id))
  await releaseTasks(ports, tasks)
  await releaseLeftovers(ports, tasks)
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
  for (const event of frozenWhileAway(lifecycle, task)) lifecycle.witness(() => event)
  const { life } = lifecycle
  if (!isActive(life) && startsWithDaemon(life.context)) {
    const runId = newRunId(random)
    lifecycle.witness(() => ({ type: 'StartRequested', runId }))
  }
  lifecycle.resume()
}

/** A pause or resume that happened while the daemon was down. */
function frozenWhileAway({ life }: Lifecycle, task: TaskState | undefined): readonly ContainerEvent[] {
  const runId = life.context.run?.id
  if (task === undefined || task.runId !== runId) return []
  return [{ type: task.status === 'paused' ? 'Paused' : 'Resumed', runId }]
}

/** `unknown`: its stream could not be loaded, so it may want anything. */
type Standing = 'gone' | 'at rest' | 'active' | 'unknown'

function standingOf({ registry, containers }: RecoveryPorts, id: string): Standing {
  const lifecycle = registry.get(id)
  if (lifecycle !== undefined) return isActive(lifecycle.life) ? 'active' : 'at rest'
  return containers.byId(id)?.removed === false ? 'unknown' : 'gone'
}

async function releaseTasks(ports: RecoveryPorts, tasks: Tasks): Promise<void> {
  const { supervisor, report } = ports
  for (const id of tasks.keys()) {
    const standing = standingOf(ports, id)
    if (standing === 'active' || standing === 'unknown') continue
    report('orphaned task released', { container: id })
    await supervisor.delete(id).catch((err) => report('orphaned task not released', { container: id, err }))
  }
}

/** In undo order, so that nothing is taken from under what still runs. */
async function releaseLeftovers(ports: RecoveryPorts, tasks: Tasks): Promise<void> {
  const { leftovers, report } = ports
  const found = await leftovers.observe(cgroupParents(ports))
  const orphans = found.filter((leftover) => isOrphan(ports, leftover, tasks))
  const order = (kind: LeftoverKind): number => leftoverKinds.indexOf(kind)
  for (const orphan of orphans.toSorted((a, b) => order(a.kind) - order(b.kind))) {
    const { kind, id: container, path } = orphan
    const fields = { kind, container, path }
    report('orphan released', fields)
    await leftovers.release(orphan).catch((err) => report('orphan not released', { ...fields, err }))
  }
}

function isOrphan(ports: RecoveryPorts, { kind, id }: Leftover, tasks: Tasks): boolean {
  const standing = standingOf(ports, id)
  if (standing === 'unknown') return false
  switch (kind) {
    case 'shim':
      return true
    case 'cgroup':
    case 'runtime-state':
      return !tasks.has(id) || standing !== 'active'
    case 'mount':
    case 'bundle':
      return standing !== 'active'
    case 'layer':
    case 'files':
      return standing === 'gone'
  }
}

function cgroupParents({ registry, cgroupParent }: RecoveryPorts): readonly string[] {
  const own = registry.ids().map((id) => registry.get(id)?.life.context.spec?.hostConfig.CgroupParent ?? '')
  return [...new Set([cgroupParent, ...own.filter((parent) => parent !== '')])]
}
