import { describe, expect, test as it } from 'vitest'
import type { Origin } from '../../../src/origin.ts'
import { create, eventTypes, openDaemon, origin, reopen, run } from './daemon.ts'
import { gate } from './gate.ts'
import { HandClock, useHandClocks } from './hand-clock.ts'
import { turns } from './turns.ts'

const shutdown: Origin = { requestId: 'end', request: 'shutdown of the daemon' }

useHandClocks()

/** A daemon that is being shut down, and what is known of it. */
async function closing(timeoutSeconds = 15) {
  const clock = new HandClock()
  const daemon = await openDaemon({ clock })
  const ended = Promise.withResolvers<void>()
  let done = false
  const shut = async () => {
    void daemon.stopContainers({ timeoutSeconds, origin: shutdown }).then(ended.resolve)
    await turns()
  }
  void ended.promise.then(() => {
    done = true
  })
  return { daemon, clock, shut, ended: ended.promise, isDone: () => done }
}

describe('A shutdown that stops the containers', () => {
  it('has nothing to wait for when nothing runs', async () => {
    const { daemon, shut, ended } = await closing()
    await create(daemon)
    await shut()
    await ended
    expect(daemon.engine.get('web').status).toBe('created')
  })

  it('stops each by its own signal, at once, and records who asked', async () => {
    const { daemon, shut, ended } = await closing()
    const one = await run(daemon, { name: 'one' })
    const two = await run(daemon, { name: 'two', config: { Image: 'busybox', StopSignal: 'SIGUSR1' } })
    await shut()
    await ended
    expect(daemon.engine.get(one)).toMatchObject({ status: 'exited', state: { exitCode: 143 } })
    expect(daemon.engine.get(two)).toMatchObject({ status: 'exited', state: { exitCode: 138 } })
    const asked = daemon.engine.history(one).find(({ event }) => event.type === 'StopRequested')
    expect(asked?.meta).toMatchObject({ correlationId: 'end', request: 'shutdown of the daemon' })
    const exit = daemon.engine.history(one).find(({ event }) => event.type === 'ProcessExited')
    expect(exit?.meta.correlationId).toBe('end')
  })

  it('leaves nothing to do for the next start', async () => {
    const { daemon, shut, ended } = await closing()
    const id = await run(daemon)
    await shut()
    await ended
    const before = eventTypes(daemon, id)
    const again = await reopen(daemon)
    await turns()
    expect(eventTypes(again, id)).toEqual(before)
    expect(again.world.leftovers(id)).toEqual([])
  })

  it('cancels a start that is under way', async () => {
    const { daemon, shut, ended } = await closing()
    const id = await create(daemon)
    const held = gate(daemon.world, 'mountRootfs')
    const started = expect(daemon.engine.start(id, origin)).rejects.toThrow('cancelled')
    await held.reached
    await shut()
    held.open()
    await started
    await turns()
    await ended
    expect(daemon.world.leftovers(id)).toEqual([])
  })

  it('removes what was to be removed when it ends', async () => {
    const { daemon, shut, ended } = await closing()
    await run(daemon, { hostConfig: { AutoRemove: true } })
    await shut()
    await ended
    expect([daemon.engine.list(), daemon.world.layers.size]).toEqual([[], 0])
  })

  it('gives a container the time that it may take, more than the daemon’s', async () => {
    const { daemon, clock, shut, ended, isDone } = await closing(1)
    const config = { Image: 'busybox', StopTimeout: 20 }
    const id = await run(daemon, { config })
    daemon.world.programs.set(id, { survives: [15] })
    await shut()
    await clock.advance(19_000)
    expect(isDone()).toBe(false)
    await clock.advance(1_010)
    await ended
    expect(daemon.engine.get(id).state.exitCode).toBe(137)
  })

  it('waits without end for one that may take for ever', async () => {
    const { daemon, clock, shut, ended, isDone } = await closing()
    const id = await run(daemon, { config: { Image: 'busybox', StopTimeout: -1 } })
    daemon.world.programs.set(id, { survives: [15] })
    await shut()
    await clock.advance(100_000_000)
    expect(isDone()).toBe(false)
    daemon.world.exit(id, 0)
    await turns()
    await ended
  })

  it('goes without one that can’t be killed, and says so', async () => {
    const { daemon, clock, shut, ended } = await closing()
    const id = await run(daemon, { config: { Image: 'busybox', StopTimeout: 1 } })
    daemon.world.programs.set(id, { survives: [15, 9] })
    await shut()
    await clock.advance(1_010)
    await clock.advance(10_010)
    await clock.advance(4_000)
    await ended
    expect(daemon.reports.map(({ message }) => message)).toContain('container not stopped')
  })

  it('goes on its way when the time is up, and the next start finds the container', async () => {
    const { daemon, clock, shut, ended } = await closing(1)
    const id = await run(daemon, { config: { Image: 'busybox', StopTimeout: 0 } })
    daemon.world.hinder = (operation) =>
      operation === 'kill' ? new Promise<void>(() => undefined) : undefined
    await shut()
    await clock.advance(5_010)
    await ended
    expect(daemon.reports.at(-1)).toEqual({
      message: 'containers not stopped in time',
      fields: { containers: [id] },
    })
    daemon.world.hinder = () => undefined
    const again = await reopen(daemon)
    await turns()
    await clock.advance(10)
    expect(again.engine.get(id).status).toBe('exited')
  })
})
