/**
 * What a store holds, in memory: every change of a commit can be taken back, in a transaction that fails as well as after a power cut, which
 * leaves any number of the commits that were not flushed.
 */
import type { EventRow } from '../../src/store/recorded.ts'

export interface StoredContainer {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly removed: boolean
  readonly createdAt: string
  /** JSON. */
  readonly state: string
}

export interface StoredMessage {
  readonly position: number
  readonly ordinal: number
  readonly timeNano: bigint
  readonly type: string
  readonly action: string
  readonly actorId: string
  /** JSON. */
  readonly attributes: string
}

export interface StoredSnapshot {
  readonly version: number
  readonly machineVersion: number
  /** JSON. */
  readonly state: string
}

interface Commit {
  readonly undo: readonly (() => void)[]
  /** Of the newest event after it. */
  readonly head: number
}

export class MemoryDisk {
  readonly log: EventRow[] = []
  readonly streams = new Map<string, EventRow[]>()
  readonly containers = new Map<string, StoredContainer>()
  /** Who holds a name, of those that are not removed. */
  readonly names = new Map<string, string>()
  readonly messages: StoredMessage[] = []
  readonly snapshots = new Map<string, StoredSnapshot>()
  /** Commits that were not flushed yet. */
  #commits: Commit[] = []
  /** How many commits were flushed and forgotten. */
  #flushed = 0
  #syncedHead = 0
  #powerCuts = 0
  #transaction: (() => void)[] | undefined

  get inTransaction(): boolean {
    return this.#transaction !== undefined
  }

  /** Position of the newest event that survives a power cut. */
  get syncedHead(): number {
    return this.#syncedHead
  }

  /** Commits what `work` changes; if it throws, nothing has changed. */
  transact<T>(work: () => T): T {
    const undo: (() => void)[] = []
    this.#transaction = undo
    try {
      const result = work()
      this.#commits.push({ undo, head: this.log.length })
      return result
    } catch (error) {
      takeBack(undo)
      throw error
    } finally {
      this.#transaction = undefined
    }
  }

  /** To be called beside each change, with what takes it back. */
  undoable(undo: () => void): void {
    this.#transaction?.push(undo)
  }

  set<K, V>(map: Map<K, V>, key: K, value: V): void {
    const before = map.get(key)
    map.set(key, value)
    this.undoable(() => void (before === undefined ? map.delete(key) : map.set(key, before)))
  }

  delete<K, V>(map: Map<K, V>, key: K): void {
    const before = map.get(key)
    if (before === undefined) return
    map.delete(key)
    this.undoable(() => void map.set(key, before))
  }

  push<T>(list: T[], item: T): void {
    list.push(item)
    this.undoable(() => void list.pop())
  }

  /** Begins a flush of all that is committed. @returns what ends it; after a power cut it ends nothing. */
  flush(): () => void {
    const covered = this.#flushed + this.#commits.length
    const before = this.#powerCuts
    return () => {
      if (before === this.#powerCuts) this.#forget(covered)
    }
  }

  /** @param kept how many commits that were not flushed are there all the same, of `unflushed`. */
  cutPower(kept: number): void {
    this.#powerCuts += 1
    for (const { undo } of this.#commits.splice(kept).toReversed()) takeBack(undo)
    this.#forget(this.#flushed + this.#commits.length)
  }

  get unflushed(): number {
    return this.#commits.length
  }

  #forget(covered: number): void {
    const forgotten = this.#commits.splice(0, covered - this.#flushed)
    this.#flushed += forgotten.length
    this.#syncedHead = Math.max(this.#syncedHead, forgotten.at(-1)?.head ?? 0)
  }
}

function takeBack(undo: readonly (() => void)[]): void {
  for (const one of undo.toReversed()) one()
}
