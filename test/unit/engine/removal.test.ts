import { expect, test as it } from 'vitest'
import type { Store } from '../../../src/store/open.ts'
import { create, eventTypes, openDaemon, origin, run } from './daemon.ts'
import { turns } from './turns.ts'

/** A store whose flushes take as long as they are held up. */
function heldUp() {
  const flushing: { until: Promise<void> } = { until: Promise.resolve() }
  const spoil = (store: Store): Store => ({
    ...store,
    events: { ...store.events, durable: () => flushing.until.then(() => store.events.durable()) },
  })
  return { flushing, spoil }
}

it('A container’s layers are deleted only when its removal is safe against a power cut', async () => {
  const { flushing, spoil } = heldUp()
  const daemon = await openDaemon({ spoil })
  const { engine, world } = daemon
  await create(daemon)
  const { promise, resolve } = Promise.withResolvers<void>()
  flushing.until = promise
  const removed = engine.remove('web', { force: false, volumes: false }, origin)
  await turns()
  expect(world.layers.size).toBe(1)
  resolve()
  await removed
  expect(world.layers.size).toBe(0)
})

it('Neither are those of a container that removes itself', async () => {
  const { flushing, spoil } = heldUp()
  const daemon = await openDaemon({ spoil })
  const id = await run(daemon, { hostConfig: { AutoRemove: true } })
  const { promise, resolve } = Promise.withResolvers<void>()
  flushing.until = promise
  daemon.world.exit(id, 0)
  await expect.poll(() => eventTypes(daemon, id).at(-1)).toBe('Released')
  await turns()
  expect(daemon.world.layers.size).toBe(1)
  resolve()
  await expect.poll(() => daemon.world.layers.size).toBe(0)
})
