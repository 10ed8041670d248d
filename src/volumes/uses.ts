/** Which containers each volume is mounted in, kept up with the log. */
import type { ContainerContext } from '../../machines/container-context.ts'
import type { ContainerEvent } from '../../machines/container-events.ts'
import type { ContainerSpec } from '../../machines/spec.ts'
import type { ContainerRows, EventStore, RecordedEvent } from '../store/port.ts'

export interface VolumeUses {
  /** Ids of containers that are not removed. */
  of(volume: string): readonly string[]
}

export function followUses(store: {
  readonly events: Pick<EventStore, 'onAppend'>
  readonly containers: ContainerRows
}): VolumeUses {
  const volumes = new Map<string, Set<string>>()
  const containers = new Map<string, readonly string[]>()

  function begin(id: string, spec: ContainerSpec | null): void {
    const names = volumeNames(spec)
    if (names.length === 0) return
    containers.set(id, names)
    for (const name of names) volumes.set(name, (volumes.get(name) ?? new Set()).add(id))
  }

  function end(id: string): void {
    for (const name of containers.get(id) ?? []) {
      const users = volumes.get(name)
      users?.delete(id)
      if (users?.size === 0) volumes.delete(name)
    }
    containers.delete(id)
  }

  function observe({ stream, event }: RecordedEvent): void {
    if (!stream.startsWith('container/')) return
    const id = stream.slice('container/'.length)
    const happened = event as ContainerEvent
    if (happened.type === 'ContainerCreated') begin(id, happened.spec)
    if (happened.type === 'Removed') end(id)
  }

  for (const { id, state } of store.containers.list()) begin(id, (state.context as ContainerContext).spec)
  store.events.onAppend((recorded) => recorded.forEach(observe))
  return { of: (volume) => [...(volumes.get(volume) ?? [])] }
}

const volumeNames = (spec: ContainerSpec | null): readonly string[] =>
  (spec?.mounts ?? []).flatMap((mount) => (mount.type === 'volume' ? [mount.name] : []))
