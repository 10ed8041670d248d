import { describe, expect, test as it } from 'vitest'
import { TallyError } from '../../../src/errors.ts'
import type { Store } from '../../../src/store/open.ts'
import { create, type Daemon, eventTypes, folded, openDaemon, origin, reopen, run } from './daemon.ts'
import { turns } from './turns.ts'

const noSpace = new TallyError('unavailable', 'no space left on device: the event log cannot grow')

/** A store whose disk can be filled: then nothing is appended, or no snapshot is written. */
function fillable() {
  const full = { events: false, snapshots: false }
  const spoil = (store: Store): Store => ({
    ...store,
    events: {
      ...store.events,
      append(append) {
        if (full.events) throw noSpace
        return store.events.append(append)
      },
      saveSnapshot(...snapshot) {
        if (full.snapshots) throw noSpace
        store.events.saveSnapshot(...snapshot)
      },
    },
  })
  return { full, spoil }
}

const expectTruth = (daemon: Daemon, id: string): void => {
  const life = folded(daemon, id)
  const row = daemon.store.containers.byId(id)
  expect(row?.state).toEqual(JSON.parse(JSON.stringify({ value: life.value, context: life.context })))
}

describe('While the log can’t grow', () => {
  it('every command is refused and nothing is done', async () => {
    const { full, spoil } = fillable()
    const daemon = await openDaemon({ spoil })
    const id = await create(daemon)
    full.events = true
    await expect(daemon.engine.start('web', origin)).rejects.toBe(noSpace)
    await expect(daemon.engine.rename('web', 'other', origin)).rejects.toBe(noSpace)
    await expect(daemon.engine.remove('web', { force: true, volumes: false }, origin)).rejects.toBe(noSpace)
    await expect(create(daemon, { name: 'db' })).rejects.toBe(noSpace)
    expect([daemon.world.done, [...daemon.world.layers]]).toEqual([[], [id]])
    full.events = false
    await daemon.engine.start('web', origin)
    expectTruth(daemon, id)
  })

  it('a start that has begun is answered with the reason, and goes on when there is room', async () => {
    const { full, spoil } = fillable()
    const daemon = await openDaemon({ spoil })
    const id = await create(daemon)
    daemon.world.hinder = (operation) => {
      if (operation === 'startShim') full.events = true
    }
    await expect(daemon.engine.start('web', origin)).rejects.toThrow(
      `${noSpace.message}; what was begun goes on when it can`,
    )
    full.events = false
    daemon.world.hinder = () => undefined
    await expect.poll(() => daemon.engine.get('web').status).toBe('running')
    expect(daemon.world.tasks.size).toBe(1)
    expectTruth(daemon, id)
  })

  it('commands that wait are answered, whoever waits for an exit goes on waiting', async () => {
    const { full, spoil } = fillable()
    const daemon = await openDaemon({ spoil })
    const id = await run(daemon)
    const { result } = await daemon.engine.wait(id, 'not-running', new AbortController().signal)
    const stop = daemon.engine.stop(id, { timeoutSeconds: 30 }, origin)
    full.events = true
    await expect(stop).rejects.toThrow(noSpace.message)
    full.events = false
    expect(await result).toEqual({ exitCode: 143 })
    expectTruth(daemon, id)
  })

  it('an exit waits to be recorded', async () => {
    const { full, spoil } = fillable()
    const daemon = await openDaemon({ spoil })
    const id = await run(daemon)
    full.events = true
    daemon.world.exit(id, 3)
    await turns()
    expect(daemon.engine.get('web').status).toBe('running')
    full.events = false
    await expect.poll(() => daemon.engine.get('web').milestone).toBe('exited')
    expect(eventTypes(daemon, id).slice(-2)).toEqual(['ProcessExited', 'Released'])
    expectTruth(daemon, id)
  })

  it('a pause waits to be recorded, and what follows is still heard', async () => {
    const { full, spoil } = fillable()
    const daemon = await openDaemon({ spoil })
    const id = await run(daemon)
    full.events = true
    daemon.world.freeze(id, true)
    await turns()
    full.events = false
    await expect.poll(() => daemon.engine.get('web').status).toBe('paused')
    daemon.world.freeze(id, false)
    await turns()
    expect(daemon.engine.get('web').status).toBe('running')
  })

  it('a snapshot that can’t be written changes nothing', async () => {
    const { full, spoil } = fillable()
    const daemon = await openDaemon({ spoil })
    const id = await create(daemon)
    full.snapshots = true
    for (let index = 0; index < 66; index += 1) await daemon.engine.rename(id, `web-${index}`, origin)
    expect(daemon.reports.map(({ message }) => message)).toEqual(['snapshot not saved'])
    await daemon.engine.start('web-65', origin)
    expectTruth(daemon, id)
    expect((await reopen(daemon)).engine.get('web-65').status).toBe('running')
  })
})
