import { describe, expect, test as it } from 'vitest'
import {
  actions,
  create,
  type Daemon,
  messages,
  openDaemon,
  origin,
  projections,
  rebuild,
  reopen,
  run,
} from './daemon.ts'
import { turns } from './turns.ts'

const since = async (daemon: Daemon, act: () => Promise<unknown>): Promise<readonly string[]> => {
  const before = actions(daemon).length
  await act()
  await turns()
  return actions(daemon).slice(before)
}

describe('docker events', () => {
  it('shows the life of a container that ends by itself', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    daemon.world.programs.set(id, { endsWith: 2 })
    await daemon.engine.start('web', origin)
    await turns()
    expect(actions(daemon)).toEqual(['create', 'start', 'die'])
    expect(messages(daemon).at(-1)).toMatchObject({
      type: 'container',
      actorId: id,
      attributes: { exitCode: '2', image: 'busybox', name: 'web' },
    })
  })

  it('shows kill, die and stop for a stop', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    expect(await since(daemon, () => daemon.engine.stop('web', {}, origin))).toEqual(['kill', 'die', 'stop'])
    expect(messages(daemon).find(({ action }) => action === 'kill')?.attributes).toMatchObject({
      signal: '15',
    })
  })

  it('shows both kills for a stop that had to use force', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    daemon.world.programs.set(id, { survives: [15] })
    const shown = await since(daemon, () => daemon.engine.stop('web', { timeoutSeconds: 0 }, origin))
    expect(shown).toEqual(['kill', 'kill', 'die', 'stop'])
    const signals = messages(daemon).flatMap(({ attributes }) => attributes.signal ?? [])
    expect(signals).toEqual(['15', '9'])
  })

  it('shows kill and die for a kill, kill alone for a signal that was survived', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    daemon.world.programs.set(id, { survives: [1] })
    expect(await since(daemon, () => daemon.engine.kill('web', 'HUP', origin))).toEqual(['kill'])
    expect(await since(daemon, () => daemon.engine.kill('web', '', origin))).toEqual(['kill', 'die'])
  })

  it('shows kill, die, stop, start and restart for a restart', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    const shown = await since(daemon, () => daemon.engine.restart('web', {}, origin))
    expect(shown).toEqual(['kill', 'die', 'stop', 'start', 'restart'])
  })

  it('shows kill, die and destroy for rm -f', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    const remove = () => daemon.engine.remove('web', { force: true, volumes: false }, origin)
    expect(await since(daemon, remove)).toEqual(['kill', 'die', 'destroy'])
  })

  it('shows oom once, and before die', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const shown = await since(daemon, async () => {
      daemon.world.runOutOfMemory(id)
      await turns()
      daemon.world.exit(id, 137, true)
    })
    expect(shown).toEqual(['oom', 'die'])
    expect(daemon.engine.get('web')).toMatchObject({ milestone: 'oom-killed', state: { oomKilled: true } })
  })

  it('shows an oom that nobody watched', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.crash()
    daemon.world.exit(id, 137, true)
    const again = await reopen(daemon)
    await turns()
    expect(actions(again).slice(-2)).toEqual(['oom', 'die'])
  })

  it('shows pause and unpause, also by another client', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const shown = await since(daemon, async () => {
      daemon.world.freeze(id, true)
      await turns()
      daemon.world.freeze(id, false)
    })
    expect(shown).toEqual(['pause', 'unpause'])
  })

  it('shows a rename under the new name, with the old one', async () => {
    const daemon = await openDaemon()
    await create(daemon)
    await daemon.engine.rename('web', 'site', origin)
    expect(messages(daemon).at(-1)).toMatchObject({
      action: 'rename',
      attributes: { name: 'site', oldName: '/web' },
    })
  })

  it('shows that a client attached', async () => {
    const daemon = await openDaemon()
    await create(daemon)
    await daemon.engine.attach('web', {}, origin, new AbortController().signal)
    expect(actions(daemon)).toEqual(['create', 'attach'])
  })

  it('shows labels as attributes, but never over the image and the name', async () => {
    const daemon = await openDaemon()
    await create(daemon, { config: { Image: 'busybox', Labels: { tier: 'front', name: 'mine' } } })
    expect(messages(daemon)[0]?.attributes).toEqual({ tier: 'front', image: 'busybox', name: 'web' })
  })

  it('is quiet about what never ran', async () => {
    const daemon = await openDaemon()
    await create(daemon)
    daemon.world.hinder = (operation) => {
      if (operation === 'awaitPid') throw new Error('no')
    }
    const start = () => daemon.engine.start('web', origin).catch(() => undefined)
    expect(await since(daemon, start)).toEqual([])
  })
})

describe('The projections', () => {
  it('are the same when they are rebuilt from the log', async () => {
    const daemon = await openDaemon()
    await run(daemon, { config: { Image: 'busybox', Labels: { a: 'b' } } })
    await daemon.engine.restart('web', {}, origin)
    await daemon.engine.rename('web', 'site', origin)
    await run(daemon, { name: 'gone' })
    await daemon.engine.remove('gone', { force: true, volumes: false }, origin)
    await daemon.engine.kill('site', '', origin)
    const before = projections(daemon)
    rebuild(daemon)
    expect(projections(daemon)).toEqual(before)
    expect(before.messages.length).toBeGreaterThan(10)
  })
})
