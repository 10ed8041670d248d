import { expect, test as it } from 'vitest'
import { replay } from '../../../src/engine/replay.ts'
import { messages, openDaemon, origin, reopen } from './daemon.ts'

it('that unused things were removed is recorded with the room that it gave, and shown again by the log alone', async () => {
  const daemon = await openDaemon()
  await daemon.engine.notePruned('container', 4096, origin)
  await daemon.engine.notePruned('network', 0, origin)
  const shown = messages(daemon).map(({ type, action, actorId, attributes }) => [
    ...[type, action, actorId, attributes],
  ])
  expect(shown).toEqual([
    ['container', 'prune', '', { reclaimed: '4096' }],
    ['network', 'prune', '', { reclaimed: '0' }],
  ])
  const before = messages(daemon)
  daemon.store.rebuild(replay(daemon.store))
  expect(messages(daemon)).toEqual(before)
  const again = await reopen(daemon)
  await again.engine.notePruned('image', 1, origin)
  expect(messages(again)).toHaveLength(3)
})
