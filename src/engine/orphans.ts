/** What is there of containers and no container wants: released in undo order when the daemon starts, and reported. */
import type { ContainerRows } from '../store/port.ts'
import type { Supervisor, TaskState } from '../supervisor/port.ts'
import { type Leftover, type LeftoverKind, type Leftovers, leftoverKinds } from '../workers/leftovers.ts'
import { isActive } from './commands.ts'
import type { Registry } from './registry.ts'

export interface OrphanPorts {
  /** All that could be loaded. */
  readonly registry: Registry
  readonly containers: ContainerRows
  readonly supervisor: Supervisor
  readonly leftovers: Leftovers
  /** The control group that holds those of containers which ask for no other. */
  readonly cgroupParent: string
  readonly report: (message: string, fields: object) => void
}

type Tasks = ReadonlyMap<string, TaskState>

/**
 * Looks once at all there is. What comes after something of a container that could not be released waits for the next start: its processes
 * may still run, and deleting a directory would reach into what is still mounted there.
 */
export async function releaseOrphans(ports: OrphanPorts, tasks: Tasks): Promise<void> {
  const stuck = await releaseTasks(ports, tasks)
  const found = await ports.leftovers.observe(cgroupParents(ports))
  const seen = new Set([
    ...found.filter(({ kind }) => kind !== 'cgroup').map(({ id }) => id),
    ...tasks.keys(),
  ])
  const orphans = found.filter((leftover) => isOrphan(ports, leftover, { tasks, seen }))
  const order = (kind: LeftoverKind): number => leftoverKinds.indexOf(kind)
  for (const orphan of orphans.toSorted((a, b) => order(a.kind) - order(b.kind))) {
    if (stuck.has(orphan.id)) continue
    const done = await release(ports, orphan, () => ports.leftovers.release(orphan))
    if (!done) stuck.add(orphan.id)
  }
}

/** Also a task of another run than the log's: it would keep that run from having one. @returns those that could not be released. */
async function releaseTasks(ports: OrphanPorts, tasks: Tasks): Promise<Set<string>> {
  const { registry, supervisor } = ports
  const stuck = new Set<string>()
  for (const { id, runId, bundle: path } of tasks.values()) {
    const standing = standingOf(ports, id)
    const wanted = standing === 'active' && registry.get(id)?.life.context.run?.id === runId
    if (wanted || standing === 'unknown') continue
    const done = await release(ports, { kind: 'task', id, path }, () => supervisor.delete(id))
    if (!done) stuck.add(id)
  }
  return stuck
}

/** @returns whether it is gone. */
async function release(
  { report }: OrphanPorts,
  { kind, id: container, path }: Leftover,
  work: () => Promise<void>,
): Promise<boolean> {
  try {
    await work()
  } catch (err) {
    report('orphan not released', { kind, container, path, err })
    return false
  }
  report('orphan released', { kind, container, path })
  return true
}

/** `unknown`: its stream could not be loaded, so it may want anything. */
type Standing = 'gone' | 'at rest' | 'active' | 'unknown'

function standingOf({ registry, containers }: OrphanPorts, id: string): Standing {
  const lifecycle = registry.get(id)
  if (lifecycle !== undefined) return isActive(lifecycle.life) ? 'active' : 'at rest'
  return containers.byId(id)?.removed === false ? 'unknown' : 'gone'
}

interface Surroundings {
  readonly tasks: Tasks
  /** Containers of which there is more than a control group. */
  readonly seen: ReadonlySet<string>
}

function isOrphan(ports: OrphanPorts, { kind, id }: Leftover, { tasks, seen }: Surroundings): boolean {
  const standing = standingOf(ports, id)
  if (standing === 'unknown') return false
  switch (kind) {
    case 'shim':
      return true
    case 'cgroup':
      if (!seen.has(id) && !isKnown(ports, id)) return false
      return standing !== 'active' || !tasks.has(id)
    case 'runtime-state':
    case 'task':
      return standing !== 'active' || !tasks.has(id)
    case 'mount':
    case 'bundle':
      return standing !== 'active'
    case 'layer':
    case 'files':
      return standing === 'gone'
  }
}

/** A parent of control groups is not ours alone: another engine may use the same, its containers have ids like ours. */
const isKnown = ({ containers }: OrphanPorts, id: string): boolean => containers.byId(id) !== undefined

function cgroupParents({ registry, cgroupParent }: OrphanPorts): readonly string[] {
  const own = registry.ids().map((id) => registry.get(id)?.life.context.spec?.hostConfig.CgroupParent ?? '')
  return [...new Set([cgroupParent, ...own.filter((parent) => parent !== '')])]
}
