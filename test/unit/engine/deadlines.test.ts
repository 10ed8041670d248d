import { describe, expect, test as it } from 'vitest'
import { eventTypes, openDaemon, origin, reopen, run } from './daemon.ts'
import { HandClock, useHandClocks } from './hand-clock.ts'

useHandClocks()

/** A container whose program does not end by these signals. */
async function stubborn(...survives: readonly number[]) {
  const clock = new HandClock()
  const daemon = await openDaemon({ clock })
  const id = await run(daemon)
  daemon.world.programs.set(id, { survives })
  return { daemon, id, clock, since: () => eventTypes(daemon, id).slice(7) }
}

describe('A program that ignores the stop signal', () => {
  it('is killed when the time is up, not before', async () => {
    const { daemon, clock, since } = await stubborn(15)
    const stopped = daemon.engine.stop('web', { timeoutSeconds: 5 }, origin)
    await clock.advance(4990)
    expect(since()).toEqual(['StopRequested', 'SignalSent'])
    await clock.advance(20)
    await stopped
    expect(since()).toEqual([
      ...['StopRequested', 'SignalSent', 'StopDeadlinePassed', 'SignalSent', 'ProcessExited', 'Released'],
    ])
    expect(daemon.engine.get('web').state.exitCode).toBe(137)
  })

  it('is killed at the deadline that was recorded, also if the daemon was away', async () => {
    const { daemon, clock } = await stubborn(15)
    daemon.engine.stop('web', { timeoutSeconds: 5 }, origin).catch(() => undefined)
    await clock.advance(10)
    await daemon.crash()
    await clock.advance(60_000)
    const again = await reopen(daemon)
    await clock.advance(10)
    expect(again.engine.get('web')).toMatchObject({ status: 'exited', state: { exitCode: 137 } })
  })

  it('is waited for without end if the client wants that', async () => {
    const { daemon, id, clock, since } = await stubborn(15)
    const stopped = daemon.engine.stop('web', { timeoutSeconds: -1 }, origin)
    await clock.advance(100_000_000)
    expect(since()).toEqual(['StopRequested', 'SignalSent'])
    daemon.world.exit(id, 0)
    await stopped
  })

  it('is waited for as long as it was told last', async () => {
    const { daemon, clock, since } = await stubborn(15)
    const first = daemon.engine.stop('web', { timeoutSeconds: 60 }, origin)
    const second = daemon.engine.stop('web', { timeoutSeconds: 1 }, origin)
    await clock.advance(1010)
    await Promise.all([first, second])
    expect(since()).toContain('StopDeadlinePassed')
  })
})

describe('A process that can’t be killed', () => {
  it.each(['stop', 'restart'] as const)('makes %s fail after ten more seconds', async (command) => {
    const { daemon, id, clock } = await stubborn(15, 9)
    const stopped = daemon.engine[command]('web', { timeoutSeconds: 1 }, origin)
    const failed = expect(stopped).rejects.toMatchObject({
      code: 'internal',
      message: `cannot stop container: ${id}: tried to kill container, but did not receive an exit event`,
    })
    await clock.advance(1010)
    await clock.advance(10_010)
    await failed
    expect(daemon.engine.get('web').status).toBe('running')
  })

  it('makes rm -f fail, and is removed when it ends after all', async () => {
    const { daemon, id, clock } = await stubborn(9)
    const failed = expect(
      daemon.engine.remove('web', { force: true, volumes: false }, origin),
    ).rejects.toMatchObject({ code: 'internal' })
    await clock.advance(10_010)
    await failed
    daemon.world.exit(id, 137)
    await expect.poll(() => daemon.engine.list()).toEqual([])
    expect(daemon.world.layers.size).toBe(0)
  })

  it('can be asked to stop again', async () => {
    const { daemon, id, clock } = await stubborn(15, 9)
    const failed = expect(daemon.engine.stop('web', { timeoutSeconds: 0 }, origin)).rejects.toThrow(
      'tried to kill',
    )
    await clock.advance(10)
    await clock.advance(10_010)
    await failed
    daemon.world.programs.set(id, {})
    await daemon.engine.stop('web', {}, origin)
    expect(daemon.engine.get('web').status).toBe('exited')
  })
})
