import { describe, expect, test as it } from 'vitest'
import { create, openDaemon, origin, run } from './daemon.ts'
import { gate } from './gate.ts'
import { turns } from './turns.ts'
import type { Operation } from './world.ts'

const never = new AbortController().signal
const pending = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => false), turns().then(() => true)])

describe('Attaching', () => {
  it.each<readonly [string, Operation, boolean]>([
    ['before the bundle is there', 'mountRootfs', false],
    ['while the bundle is made', 'prepareBundle', false],
    ['while the shim is started', 'startShim', true],
    ['while the container is created', 'awaitPid', true],
    ['while the process is started', 'startProcess', true],
  ])('%s waits only if the pipes are in motion', async (_, operation, waits) => {
    const daemon = await openDaemon()
    await create(daemon)
    const held = gate(daemon.world, operation)
    const start = daemon.engine.start('web', origin)
    await held.reached
    const gone = new AbortController()
    const attached = daemon.engine.attach('web', {}, origin, gone.signal)
    attached.catch(() => undefined)
    expect(await pending(attached)).toBe(waits)
    gone.abort()
    held.open()
    await start
  })

  it('during a release is for the next run', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const held = gate(daemon.world, 'delete')
    daemon.world.exit(id, 0)
    await held.reached
    const attached = daemon.engine.attach('web', {}, origin, never)
    expect(await pending(attached)).toBe(true)
    held.open()
    const { ended } = await attached
    expect(await pending(ended)).toBe(true)
  })

  it('ends its wait when the client is gone', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const held = gate(daemon.world, 'delete')
    daemon.world.exit(id, 0)
    await held.reached
    const gone = new AbortController()
    const attached = daemon.engine.attach('web', {}, origin, gone.signal)
    gone.abort(new Error('gone'))
    await expect(attached).rejects.toThrow('gone')
    held.open()
  })

  it('to a container that is not there is refused', async () => {
    const daemon = await openDaemon()
    await expect(daemon.engine.attach('web', {}, origin, never)).rejects.toThrow('No such container: web')
  })
})
