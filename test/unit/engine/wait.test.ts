import { describe, expect, test as it } from 'vitest'
import type { WaitCondition } from '../../../src/engine/port.ts'
import { TallyError } from '../../../src/errors.ts'
import { create, type Daemon, openDaemon, origin, reopen, run } from './daemon.ts'
import { gate } from './gate.ts'
import { turns } from './turns.ts'

const wait = async (daemon: Daemon, condition: WaitCondition, signal = new AbortController().signal) =>
  (await daemon.engine.wait('web', condition, signal)).result

/** What a promise has come to, or `pending`. */
const now = (promise: Promise<unknown>): Promise<unknown> =>
  Promise.race([promise, turns().then(() => 'pending')])

describe('Waiting until a container does not run', () => {
  it('answers at once if it was never started', async () => {
    const daemon = await openDaemon()
    await create(daemon)
    expect(await wait(daemon, 'not-running')).toEqual({ exitCode: 0 })
  })

  it('answers at once if it has ended', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    await daemon.engine.stop('web', {}, origin)
    expect(await wait(daemon, 'not-running')).toEqual({ exitCode: 143 })
  })

  it('answers when it ends, once all is released', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const result = wait(daemon, 'not-running')
    expect(await now(result)).toBe('pending')
    daemon.world.exit(id, 4)
    expect(await result).toEqual({ exitCode: 4 })
    expect(daemon.world.leftovers(id)).toEqual([])
  })

  it('answers for a container that is just being released', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const deleting = gate(daemon.world, 'delete')
    daemon.world.exit(id, 5)
    await deleting.reached
    const result = wait(daemon, 'not-running')
    expect(await now(result)).toBe('pending')
    deleting.open()
    expect(await result).toEqual({ exitCode: 5 })
  })

  it('answers in the middle of a restart', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    const result = wait(daemon, 'not-running')
    await daemon.engine.restart('web', {}, origin)
    expect(await result).toEqual({ exitCode: 143 })
    expect(daemon.engine.get('web').status).toBe('running')
  })

  it('answers with the code of a start that failed', async () => {
    const daemon = await openDaemon()
    await create(daemon)
    daemon.world.hinder = (operation) => {
      if (operation === 'awaitPid') throw new TallyError('internal', 'exec failed', { exitCode: 127 })
    }
    const start = daemon.engine.start('web', origin)
    const result = wait(daemon, 'not-running')
    await expect(start).rejects.toThrow('exec failed')
    expect(await result).toEqual({ exitCode: 127 })
  })
})

describe('Waiting for the next exit', () => {
  it('is not over when a start fails: docker run has its answer from the start', async () => {
    const daemon = await openDaemon()
    await create(daemon)
    const result = wait(daemon, 'next-exit')
    daemon.world.hinder = (operation) => {
      if (operation === 'awaitPid') throw new TallyError('internal', 'exec failed', { exitCode: 127 })
    }
    await expect(daemon.engine.start('web', origin)).rejects.toThrow('exec failed')
    expect(await now(result)).toBe('pending')
    await daemon.engine.remove('web', { force: false, volumes: false }, origin)
    expect(await result).toEqual({ exitCode: 127 })
  })

  it('looks past the last one', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.engine.stop('web', {}, origin)
    const result = wait(daemon, 'next-exit')
    expect(await now(result)).toBe('pending')
    await daemon.engine.start('web', origin)
    expect(await now(result)).toBe('pending')
    daemon.world.exit(id, 6)
    expect(await result).toEqual({ exitCode: 6 })
  })

  it('that is asked for during a release means the one after it', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const deleting = gate(daemon.world, 'delete')
    daemon.world.exit(id, 5)
    await deleting.reached
    const result = wait(daemon, 'next-exit')
    const second = daemon.engine.start('web', origin)
    deleting.open()
    await second
    expect(await now(result)).toBe('pending')
    daemon.world.exit(id, 6)
    expect(await result).toEqual({ exitCode: 6 })
  })
})

describe('Waiting for the removal', () => {
  it('goes on over ends and starts', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const result = wait(daemon, 'removed')
    daemon.world.exit(id, 8)
    expect(await now(result)).toBe('pending')
    await daemon.engine.remove('web', { force: false, volumes: false }, origin)
    expect(await result).toEqual({ exitCode: 8 })
  })

  it('of what is not there is refused', async () => {
    const daemon = await openDaemon()
    await expect(wait(daemon, 'removed')).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe.each(['not-running', 'next-exit', 'removed'] as const)('Waiting for %s', (condition) => {
  it('ends when the client is gone', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    const client = new AbortController()
    const result = wait(daemon, condition, client.signal)
    client.abort(new Error('gone'))
    await expect(result).rejects.toThrow('gone')
  })

  it('works for a container that ended while the daemon was away', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon, { hostConfig: { AutoRemove: condition === 'removed' } })
    await daemon.crash()
    const deleting = gate(daemon.world, 'delete')
    const again = await reopen(daemon)
    const result = wait(again, condition)
    daemon.world.exit(id, 9)
    deleting.open()
    expect(await result).toEqual({ exitCode: 9 })
  })
})
