/** The projections of the store in memory. */
import { NameTakenError } from '../../src/store/errors.ts'
import type { ContainerRow, ContainerRows, MessageRow, MessageRows } from '../../src/store/port.ts'
import type { MemoryDisk, StoredContainer, StoredMessage } from './memory-disk.ts'

export function memoryContainers(disk: MemoryDisk): ContainerRows {
  const { containers, names } = disk
  const alive = (): StoredContainer[] => [...names.values()].flatMap((id) => containers.get(id) ?? [])

  function takeName({ id, name, removed }: ContainerRow): void {
    const before = containers.get(id)
    if (before !== undefined && !before.removed && (removed || before.name !== name))
      disk.delete(names, before.name)
    if (removed) return
    const owner = names.get(name)
    if (owner !== undefined && owner !== id) throw new NameTakenError(name, owner)
    if (owner === undefined) disk.set(names, name, id)
  }

  return {
    put(row) {
      requireTransaction(disk)
      takeName(row)
      disk.set(containers, row.id, { ...row, state: JSON.stringify(row.state) })
    },
    byId: (id) => optional(containers.get(id)),
    byName: (name) => optional(containers.get(names.get(name) ?? '')),
    byIdPrefix: (prefix, limit) =>
      alive()
        .filter(({ id }) => id.startsWith(prefix))
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit)
        .map(containerRow),
    list: () => alive().toSorted(newestFirst).map(containerRow),
  }
}

function newestFirst(a: StoredContainer, b: StoredContainer): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? 1 : -1
  return a.id < b.id ? 1 : -1
}

const optional = (stored: StoredContainer | undefined): ContainerRow | undefined =>
  stored && containerRow(stored)

function containerRow(stored: StoredContainer): ContainerRow {
  return { ...stored, state: JSON.parse(stored.state) as ContainerRow['state'] }
}

export function memoryMessages(disk: MemoryDisk): MessageRows {
  return {
    put(row) {
      requireTransaction(disk)
      disk.push(disk.messages, { ...row, attributes: JSON.stringify(row.attributes) })
    },
    *range({ after = 0, since, until }) {
      for (const message of disk.messages) {
        if (message.position <= after) continue
        if (since !== undefined && message.timeNano < since) continue
        if (until === undefined || message.timeNano <= until) yield messageRow(message)
      }
    },
  }
}

function messageRow(stored: StoredMessage): MessageRow {
  return { ...stored, attributes: JSON.parse(stored.attributes) as MessageRow['attributes'] }
}

function requireTransaction(disk: MemoryDisk): void {
  if (!disk.inTransaction) throw new Error('a projection is written outside of an append')
}
