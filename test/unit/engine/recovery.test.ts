import { describe, expect, test as it } from 'vitest'
import { machineVersion } from '../../../machines/container-life.ts'
import { TallyError } from '../../../src/errors.ts'
import type { Store } from '../../../src/store/open.ts'
import { create, eventTypes, folded, openDaemon, origin, reopen, run } from './daemon.ts'
import { gate } from './gate.ts'
import { turns } from './turns.ts'
import { type Operation, World } from './world.ts'

const steps: readonly (readonly [Operation, string])[] = [
  ['mountRootfs', 'launching.starting'],
  ['prepareBundle', 'launching.rootfs-mounted'],
  ['startShim', 'launching.bundle-ready'],
  ['awaitPid', 'launching.shim-started'],
  ['startProcess', 'launching.pid-recorded'],
]

describe.each(steps)('A daemon that was killed at %s', (operation, milestone) => {
  it('finds the container where it was and brings it to run', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    const held = gate(daemon.world, operation)
    daemon.engine.start('web', origin).catch(() => undefined)
    await held.reached
    await daemon.crash()
    const again = await reopen(daemon)
    expect(again.engine.get('web').milestone).toBe(milestone)
    held.open()
    await expect.poll(() => again.engine.get('web').milestone).toBe('running')
    expect(again.world.leftovers(id)).toEqual(['mount', 'bundle', 'task'])
    expect(again.engine.history(id).map(({ event }) => event.type)).toEqual([
      ...['ContainerCreated', 'StartRequested', 'RootfsMounted', 'BundlePrepared'],
      ...['ShimStarted', 'PidRecorded', 'ProcessStarted'],
    ])
  })

  it('undoes it all after a reboot of the host', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    const held = gate(daemon.world, operation)
    daemon.engine.start('web', origin).catch(() => undefined)
    await held.reached
    await daemon.crash()
    held.open()
    daemon.world.reboot()
    const again = await reopen(daemon, { bootId: 'next' })
    await expect.poll(() => again.engine.get('web').milestone).toBe('failed')
    expect(eventTypes(again, id).slice(-2)).toEqual(['HostRebooted', 'Released'])
    expect(again.world.leftovers(id)).toEqual([])
  })
})

describe('A daemon that comes back', () => {
  it('watches what runs, and records its real exit once', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const again = await reopen(await reopen(daemon))
    expect(again.engine.get('web').status).toBe('running')
    daemon.world.exit(id, 3)
    await turns()
    expect(again.engine.get('web')).toMatchObject({ status: 'exited', state: { exitCode: 3 } })
    expect(eventTypes(again, id).filter((type) => type === 'ProcessExited')).toHaveLength(1)
  })

  it('records an exit that happened while it was away', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.crash()
    daemon.world.exit(id, 3)
    const again = await reopen(daemon)
    await turns()
    expect(again.engine.get('web').state).toMatchObject({ exitCode: 3, running: false })
    expect(again.world.leftovers(id)).toEqual([])
  })

  it('calls the exit of what a reboot ended 255', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.crash()
    daemon.world.reboot()
    const again = await reopen(daemon, { bootId: 'next' })
    await turns()
    expect(again.engine.get('web')).toMatchObject({
      status: 'exited',
      state: { exitCode: 255, error: 'the host was rebooted' },
    })
    const third = await reopen(again, { bootId: 'next' })
    expect(eventTypes(third, id).slice(-2)).toEqual(['HostRebooted', 'Released'])
  })

  it('does not mind a reboot for what was at rest', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    const again = await reopen(daemon, { bootId: 'next' })
    expect(eventTypes(again, id)).toEqual(['ContainerCreated'])
  })

  it('learns that a container was paused and resumed meanwhile', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.crash()
    daemon.world.freeze(id, true)
    const paused = await reopen(daemon)
    expect(paused.engine.get('web').status).toBe('paused')
    await paused.crash()
    daemon.world.freeze(id, false)
    expect((await reopen(paused)).engine.get('web').status).toBe('running')
  })

  it('learns of processes that were killed for want of memory meanwhile, and tells it once', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.crash()
    daemon.world.runOutOfMemory(id)
    const again = await reopen(await reopen(daemon))
    expect(again.engine.get('web').state).toMatchObject({ oomKilled: true, running: true })
    expect(eventTypes(again, id).filter((type) => type === 'OomKilled')).toHaveLength(1)
  })

  it('does not take the end of a paused container for its resuming', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    daemon.world.freeze(id, true)
    await expect.poll(() => daemon.engine.get('web').status).toBe('paused')
    await daemon.crash()
    daemon.world.exit(id, 137)
    const again = await reopen(daemon)
    await expect.poll(() => again.engine.get('web').state.exitCode).toBe(137)
    expect(eventTypes(again, id)).not.toContain('Resumed')
  })

  it('says of a container whose task has vanished that it ended, and not how', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.crash()
    daemon.world.tasks.delete(id)
    const again = await reopen(daemon)
    await expect.poll(() => again.engine.get('web').status).toBe('exited')
    expect(again.engine.get('web').state).toMatchObject({ exitCode: 255, error: `no task ${id} is known` })
    expect(again.world.leftovers(id)).toEqual([])
  })

  it('goes on with a removal and with a release', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const held = gate(daemon.world, 'delete')
    daemon.engine.remove('web', { force: true, volumes: false }, origin).catch(() => undefined)
    await held.reached
    await daemon.crash()
    held.open()
    const again = await reopen(daemon)
    await expect.poll(() => again.engine.list()).toEqual([])
    expect([again.world.leftovers(id), again.world.layers.size]).toEqual([[], 0])
  })

  it('sends a signal that was asked for and not yet sent', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const held = gate(daemon.world, 'kill')
    daemon.engine.kill('web', 'KILL', origin).catch(() => undefined)
    await held.reached
    await daemon.crash()
    held.open()
    const again = await reopen(daemon)
    await turns()
    expect(again.engine.get('web').state.exitCode).toBe(137)
    expect(eventTypes(again, id)).toContain('SignalSent')
  })

  it('keeps the state over a snapshot', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    for (let index = 0; index < 70; index += 1) {
      await daemon.engine.rename(id, 'other', origin)
      await daemon.engine.rename(id, 'web', origin)
    }
    const again = await reopen(daemon)
    expect(again.store.events.loadSnapshot(`container/${id}`, machineVersion)?.version).toBe(128)
    await again.engine.start('web', origin)
    expect(again.engine.get('web').status).toBe('running')
    expect(folded(again, id).matches('running')).toBe(true)
  })
})

describe('A task that no container wants', () => {
  it('is ended', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.crash()
    const stranger = await openDaemon({ world: daemon.world })
    expect(daemon.world.tasks.has(id)).toBe(false)
    const task = { kind: 'task', container: id, path: `/run/libcontainerd/${id}` }
    expect(stranger.reports).toContainEqual({ message: 'orphan released', fields: task })
  })

  it('is ended also if its container is at rest', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    await daemon.crash()
    const [mount, bundle] = [daemon.world.mounts.add(id), daemon.world.bundles.add(id)]
    await daemon.world.supervisor(new AbortController().signal).startShim({
      ...{ id, runId: 'old', bundle: '/b', stdio: {}, terminal: false, log: null, runtime: 'runc' },
    })
    await reopen(daemon)
    expect([mount.size, bundle.size, daemon.world.tasks.size]).toEqual([0, 0, 0])
  })

  it('is ended also if its container runs again since', async () => {
    const daemon = await openDaemon()
    const { world } = daemon
    const id = await create(daemon)
    const held = gate(world, 'mountRootfs')
    daemon.engine.start('web', origin).catch(() => undefined)
    await held.reached
    await daemon.crash()
    const spec = {
      id,
      runId: 'another',
      bundle: '/b',
      stdio: {},
      terminal: false,
      log: null,
      runtime: 'runc',
    }
    for (const place of [world.mounts, world.bundles]) place.add(id)
    await world.supervisor(new AbortController().signal).startShim(spec)
    held.open()
    const again = await reopen(daemon)
    await expect.poll(() => again.engine.get('web').milestone).toBe('running')
    expect(eventTypes(again, id)).not.toContain('StepFailed')
  })

  it('that can’t be ended is reported, keeps what it stands on and holds nothing up', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.crash()
    daemon.world.hinder = (operation) => {
      if (operation === 'delete') throw new Error('busy')
    }
    const stranger = await openDaemon({ world: daemon.world })
    expect(stranger.reports.map(({ message }) => message)).toEqual(['orphan not released'])
    expect(daemon.world.leftovers(id)).toEqual(['mount', 'bundle', 'task'])
  })
})

/** A store in which the log of one container can't be read. */
const unreadable =
  (id: string) =>
  (store: Store): Store => ({
    ...store,
    events: {
      ...store.events,
      read(stream, options) {
        if (stream === `container/${id}`) throw new Error('damaged')
        return store.events.read(stream, options)
      },
    },
  })

describe('A container that can’t be loaded', () => {
  it('holds up no other, and its task is not taken for an orphan', async () => {
    const daemon = await openDaemon()
    const lost = await run(daemon, { name: 'lost' })
    const fine = await run(daemon, { name: 'fine' })
    const again = await reopen(daemon, { spoil: unreadable(lost) })
    expect(again.reports.map(({ message }) => message)).toEqual(['container not recovered'])
    expect([...daemon.world.tasks.keys()].sort()).toEqual([lost, fine].sort())
    await again.engine.stop('fine', {}, origin)
    await expect(again.engine.stop('lost', {}, origin)).rejects.toBeInstanceOf(TallyError)
  })
})

describe('What a crash has left', () => {
  it('goes if no container wants it, and is reported', async () => {
    const daemon = await openDaemon()
    const { world } = daemon
    const kept = await create(daemon, { name: 'kept' })
    const running = await run(daemon, { name: 'running' })
    const orphan = 'f'.repeat(64)
    for (const place of [world.layers, world.mounts, world.bundles]) place.add(orphan)
    for (const place of [world.mounts, world.bundles]) place.add(kept)
    const again = await reopen(daemon)
    expect([...world.layers].sort()).toEqual([kept, running].sort())
    expect([...world.mounts, ...world.bundles]).toEqual([running, running])
    const released = again.reports.filter(({ message }) => message === 'orphan released')
    expect(released.map(({ fields }) => fields)).toEqual([
      { kind: 'mount', container: orphan, path: `/mount/${orphan}` },
      { kind: 'mount', container: kept, path: `/mount/${kept}` },
      { kind: 'bundle', container: orphan, path: `/bundle/${orphan}` },
      { kind: 'bundle', container: kept, path: `/bundle/${kept}` },
      { kind: 'layer', container: orphan, path: `/layer/${orphan}` },
    ])
  })

  it('is left from the first thing on that can’t be released', async () => {
    const daemon = await openDaemon()
    const { world } = daemon
    const [stuck, free] = ['e'.repeat(64), 'f'.repeat(64)]
    for (const place of [world.layers, world.mounts, world.bundles]) place.add(stuck).add(free)
    world.hinder = (operation, id) => {
      if (operation === 'unmount' && id === stuck) throw new Error('busy')
    }
    const again = await reopen(daemon)
    expect([...world.mounts, ...world.bundles, ...world.layers]).toEqual([stuck, stuck, stuck])
    const failed = again.reports.filter(({ message }) => message === 'orphan not released')
    expect(failed.map(({ fields }) => fields)).toMatchObject([
      { kind: 'mount', container: stuck, path: `/mount/${stuck}` },
    ])
  })

  it('is a control group only if more is known of its container: others may use the same parent', async () => {
    const daemon = await openDaemon()
    const { world } = daemon
    const atRest = await create(daemon)
    const [halfKnown, foreign] = ['e'.repeat(64), 'f'.repeat(64)]
    const released: string[] = []
    world.remains = () => ({
      observe: async () => [
        ...[atRest, halfKnown, foreign].map((id) => ({ kind: 'cgroup' as const, id, path: `/group/${id}` })),
        { kind: 'bundle', id: halfKnown, path: `/bundle/${halfKnown}` },
      ],
      release: async ({ path }) => void released.push(path),
    })
    await reopen(daemon)
    expect(released).toEqual([`/group/${atRest}`, `/group/${halfKnown}`, `/bundle/${halfKnown}`])
  })

  it('stays if its container could not be loaded', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const spoil = (store: Store): Store => ({
      ...store,
      events: {
        ...store.events,
        read: () => {
          throw new TallyError('internal', 'broken')
        },
      },
    })
    await reopen(daemon, { spoil })
    expect(daemon.world.leftovers(id)).toEqual(['mount', 'bundle', 'task'])
  })
})

it('A daemon whose news of the tasks ends asks for it again, and makes up for what it missed', async () => {
  const world = new World()
  const supervisor = world.supervisor.bind(world)
  let cut = new AbortController()
  world.supervisor = (gone) => {
    const port = supervisor(gone)
    const events = (signal: AbortSignal) => port.events(AbortSignal.any([signal, cut.signal]))
    return { ...port, events }
  }
  const daemon = await openDaemon({ world })
  const id = await run(daemon)
  const first = cut
  cut = new AbortController()
  first.abort()
  await turns()
  world.freeze(id, true)
  await expect.poll(() => daemon.engine.get('web').status).toBe('paused')
  world.freeze(id, false)
  await expect.poll(() => daemon.engine.get('web').status).toBe('running')
})

it('What a task does while the daemon recovers is told to its container', async () => {
  const daemon = await openDaemon()
  const id = await run(daemon)
  const { world } = daemon
  const remains = world.remains.bind(world)
  world.remains = (gone) => ({
    ...remains(gone),
    observe: async () => {
      world.freeze(id, true)
      return []
    },
  })
  const again = await reopen(daemon)
  await expect.poll(() => again.engine.get('web').status).toBe('paused')
})
