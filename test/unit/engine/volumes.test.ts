/** Containers and their volumes: what creating, running and removing one means for them. */
import { describe, expect, test as it } from 'vitest'
import type { ResolvedMount } from '../../../machines/spec.ts'
import { create, type Daemon, messages, openDaemon, origin, reopen, run } from './daemon.ts'

const mountsOf = ({ engine }: Daemon, ref: string): readonly ResolvedMount[] =>
  engine.get(ref).context.spec?.mounts ?? []

const volumes = ({ engine }: Daemon): readonly string[] => engine.volumes.list().map(({ name }) => name)

const placesOf = (daemon: Daemon, ref: string) =>
  mountsOf(daemon, ref).map(({ type, destination }) => `${type} ${destination}`)

const withVolumes = {
  config: { Image: 'busybox', Volumes: { '/own': {} } },
  hostConfig: { Binds: ['data:/data:ro', '/srv:/srv'] },
}

describe('a new container', () => {
  it('has the volumes it asks for and those of its config, which are made', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon, withVolumes)
    const [data, own] = mountsOf(daemon, 'web')
    expect(data).toEqual({
      ...{ type: 'volume', name: 'data', destination: '/data', writable: false, mode: 'ro', named: true },
    })
    expect(own).toMatchObject({ destination: '/own', writable: true, mode: '', named: false })
    expect(daemon.engine.volumes.get('data').users).toEqual([id])
    expect(daemon.world.volumes.size).toBe(2)
  })

  it('has none of the config’s where something else is mounted', async () => {
    const daemon = await openDaemon()
    await create(daemon, { ...withVolumes, hostConfig: { Binds: ['/srv:/own'] } })
    expect(daemon.engine.get('web').context.spec).not.toHaveProperty('mounts')
    expect(volumes(daemon)).toEqual([])
  })

  it('takes over what is mounted in others, as far as it has nothing there itself', async () => {
    const daemon = await openDaemon()
    await create(daemon, withVolumes)
    const hostConfig = { VolumesFrom: ['web:ro'], Binds: ['other:/data'] }
    await create(daemon, { name: 'second', hostConfig })
    expect(placesOf(daemon, 'second')).toEqual(['bind /srv', 'volume /own', 'volume /data'])
    const [srv, own, data] = mountsOf(daemon, 'second')
    expect([srv, own]).toMatchObject([{ writable: false }, { writable: false, named: false }])
    expect(data).toMatchObject({ name: 'other', writable: true })
  })

  it('cannot take over from one that is not there, which is no reason to pull an image', async () => {
    const daemon = await openDaemon()
    await expect(create(daemon, { hostConfig: { VolumesFrom: ['nobody'] } })).rejects.toMatchObject({
      code: 'bad-request',
      message: 'No such container: nobody',
    })
  })

  it('that cannot be made leaves no anonymous volume behind', async () => {
    const daemon = await openDaemon()
    const hostConfig = { Binds: ['/own', 'data:/data'], Mounts: [{ Type: 'volume', Target: '/x' }] } as const
    const driver = { ...hostConfig, VolumeDriver: 'nope' }
    await expect(create(daemon, { hostConfig: driver })).rejects.toMatchObject({ code: 'not-found' })
    expect(volumes(daemon)).toEqual([])
    expect(daemon.world.layers.size).toBe(0)
  })
})

describe('the removal of a container', () => {
  it.each([
    [true, ['data']],
    [false, ['data', 'own']],
  ])('takes anonymous volumes along if it is asked to: %s', async (wanted, left) => {
    const daemon = await openDaemon()
    const id = await create(daemon, withVolumes)
    const own = mountsOf(daemon, 'web')[1]
    const name = own?.type === 'volume' ? own.name : ''
    await daemon.engine.remove(id, { force: false, volumes: wanted }, origin)
    expect(volumes(daemon)).toEqual(left.map((each) => (each === 'own' ? name : each)).sort())
    expect([...daemon.world.volumes].sort()).toEqual(volumes(daemon))
  })

  it('does it by itself where the container removes itself', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon, {
      ...withVolumes,
      hostConfig: { ...withVolumes.hostConfig, AutoRemove: true },
    })
    const removed = daemon.engine.wait(id, 'removed', new AbortController().signal)
    daemon.world.exit(id, 0)
    await (await removed).result
    expect(volumes(daemon)).toEqual(['data'])
  })

  it('leaves an anonymous volume to another container that took it over', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon, withVolumes)
    const second = await create(daemon, { name: 'second', hostConfig: { VolumesFrom: ['web'] } })
    await daemon.engine.remove(id, { force: false, volumes: true }, origin)
    expect(volumes(daemon)).toHaveLength(2)
    await daemon.engine.remove(second, { force: false, volumes: true }, origin)
    expect(volumes(daemon)).toEqual(['data'])
  })
})

it('who uses a volume is known after the daemon was killed', async () => {
  const daemon = await openDaemon()
  const id = await create(daemon, withVolumes)
  const { engine } = await reopen(daemon)
  expect(engine.volumes.get('data').users).toEqual([id])
})

it('messages tell of volumes in Docker’s order', async () => {
  const daemon = await openDaemon()
  const id = await run(daemon, { hostConfig: { Binds: ['data:/data:ro'] } })
  await daemon.engine.stop(id, { timeoutSeconds: 1 }, origin)
  const told = messages(daemon).map(({ type, action, actorId }) => [
    type,
    action,
    actorId === id ? '' : actorId,
  ])
  expect(told.map((each) => each.join(' ').trim())).toEqual([
    'volume create data',
    'container create',
    'volume mount data',
    'container start',
    'container kill',
    'container die',
    'volume unmount data',
    'container stop',
  ])
  const mounted = messages(daemon).find(({ action }) => action === 'mount')
  expect(mounted?.attributes).toEqual({
    ...{ container: id, destination: '/data', driver: 'local', propagation: '', 'read/write': 'false' },
  })
})

it('a start that fails tells that the volume is not mounted any more', async () => {
  const daemon = await openDaemon()
  daemon.world.hinder = (operation) => {
    if (operation === 'startShim') throw new Error('no shim')
  }
  const id = await create(daemon, { hostConfig: { Binds: ['data:/data'] } })
  await expect(daemon.engine.start(id, origin)).rejects.toThrow('no shim')
  const told = messages(daemon).map(({ type, action }) => `${type} ${action}`)
  expect(told).toEqual(['volume create', 'container create', 'volume mount', 'volume unmount'])
})
