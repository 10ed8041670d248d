/** Replays a log on another store, which knows nothing but the log, and compares everything that is read. */
import { isDeepStrictEqual } from 'node:util'
import { replay } from '../../src/engine/replay.ts'
import type { ImageRows } from '../../src/store/port.ts'
import { MemoryDisk } from './memory-disk.ts'
import { memoryContainers, memoryMessages } from './memory-rows.ts'
import type { EngineStore } from './memory-store.ts'
import { Violation } from './violation.ts'

export function checkReplay(store: EngineStore): void {
  const disk = new MemoryDisk()
  const anew = { containers: memoryContainers(disk), messages: memoryMessages(disk) }
  const take = replay({ ...anew, images: noImages })
  for (const recorded of store.events.readAll()) disk.transact(() => take(recorded))
  Violation.unless(
    7,
    isDeepStrictEqual(anew.containers.list(), store.containers.list()),
    () => 'other containers',
  )
  const isSame = isDeepStrictEqual([...anew.messages.range({})], [...store.messages.range({})])
  Violation.unless(7, isSame, () => 'the log replays to other messages')
  const { damage } = store.events.verify()
  Violation.unless(7, damage === undefined, () => `the log is damaged: ${damage?.message}`)
}

const none = (): never => {
  throw new Error('the simulation has no streams of images')
}

const noImages: ImageRows = {
  ...{ put: none, delete: none, byId: none, byIdPrefix: none, list: none },
  ...{ setTag: none, deleteTag: none, imageOfTag: none, tagsOf: none },
}
