import { describe, expect, test as it } from 'vitest'
import { TallyError } from '../../../src/errors.ts'
import { actions, create, eventTypes, openDaemon, origin, run } from './daemon.ts'
import { gate } from './gate.ts'

const launch = [
  'StartRequested',
  'RootfsMounted',
  'BundlePrepared',
  'ShimStarted',
  'PidRecorded',
  'ProcessStarted',
]

describe('start', () => {
  it('records each milestone and answers when the process runs', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    expect(eventTypes(daemon, id)).toEqual(['ContainerCreated', ...launch])
    expect(daemon.engine.get('web')).toMatchObject({ status: 'running', milestone: 'running' })
    expect(daemon.world.leftovers(id)).toEqual(['mount', 'bundle', 'task'])
  })

  it('of a running container says that nothing was changed', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    await expect(daemon.engine.start('web', origin)).rejects.toMatchObject({ code: 'not-modified' })
  })

  it('that meets another start waits for it and then says that nothing was changed', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    const first = daemon.engine.start('web', origin)
    await expect(daemon.engine.start('web', origin)).rejects.toMatchObject({ code: 'not-modified' })
    await first
    expect(eventTypes(daemon, id)).toEqual(['ContainerCreated', ...launch])
  })

  it('answers also for a program that ends at once', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    daemon.world.programs.set(id, { endsWith: 3 })
    const { result } = await daemon.engine.wait('web', 'next-exit', new AbortController().signal)
    await daemon.engine.start('web', origin)
    expect(await result).toEqual({ exitCode: 3 })
    expect(daemon.engine.get('web')).toMatchObject({ status: 'exited', state: { exitCode: 3 } })
  })

  it('while the last run is released begins after that', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const deleting = gate(daemon.world, 'delete')
    daemon.world.exit(id, 0)
    await deleting.reached
    const second = daemon.engine.start('web', origin)
    expect(daemon.engine.get('web')).toMatchObject({ milestone: 'releasing', status: 'exited' })
    deleting.open()
    await second
    expect(daemon.engine.get('web').status).toBe('running')
    expect(eventTypes(daemon, id).slice(7)).toEqual([
      'ProcessExited',
      'StartRequested',
      'Released',
      ...launch.slice(1),
    ])
  })

  const refusal = (exitCode: number) =>
    new TallyError('internal', 'OCI runtime create failed: no', { exitCode, detail: 'runc said no' })

  it.each([
    [126, 'bad-request'],
    [127, 'bad-request'],
    [128, 'internal'],
  ])('that fails with %i answers with %s, and leaves nothing behind', async (exitCode, code) => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    daemon.world.hinder = (operation) => {
      if (operation === 'awaitPid') throw refusal(exitCode)
    }
    await expect(daemon.engine.start('web', origin)).rejects.toMatchObject({
      code,
      message: 'OCI runtime create failed: no',
      step: 'awaitPid',
      exitCode,
      detail: 'runc said no',
    })
    expect(daemon.world.leftovers(id)).toEqual([])
    expect(daemon.engine.get('web')).toMatchObject({
      milestone: 'failed',
      status: 'created',
      state: { exitCode, error: 'OCI runtime create failed: no', running: false },
    })
  })

  it('undoes what a failed one did, the newest step first', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    daemon.world.hinder = (operation) => {
      if (operation === 'startProcess') throw refusal(127)
    }
    await expect(daemon.engine.start('web', origin)).rejects.toThrow('no')
    const at = daemon.world.done.indexOf(`awaitPid ${id}`)
    expect(daemon.world.done.slice(at + 1)).toEqual(
      ['delete', 'closeStreams', 'dropBundle', 'unmount'].map((operation) => `${operation} ${id}`),
    )
  })

  it('that fails tells its own caller why, also if another start follows it', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    let failures = 1
    daemon.world.hinder = (operation) => {
      if (operation === 'awaitPid' && failures-- > 0) throw refusal(127)
    }
    const first = daemon.engine.start('web', origin)
    const second = daemon.engine.start('web', origin)
    await expect(first).rejects.toMatchObject({ exitCode: 127 })
    await second
    expect(daemon.engine.get(id).status).toBe('running')
  })

  it('can succeed after one that failed', async () => {
    const daemon = await openDaemon()
    await create(daemon)
    daemon.world.hinder = () => {
      throw refusal(127)
    }
    const failed = daemon.engine.start('web', origin)
    await expect.poll(() => daemon.engine.get('web').milestone).toBe('releasing')
    daemon.world.hinder = () => undefined
    await expect(failed).rejects.toThrow('no')
    await daemon.engine.start('web', origin)
    expect(daemon.engine.get('web')).toMatchObject({ status: 'running', state: { error: '', exitCode: 0 } })
  })
})

describe('stop', () => {
  it('sends the signal, answers when all is released, and is then not modified', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.engine.stop('web', {}, origin)
    expect(daemon.engine.get('web')).toMatchObject({ status: 'exited', state: { exitCode: 143 } })
    expect(daemon.world.leftovers(id)).toEqual([])
    await expect(daemon.engine.stop('web', {}, origin)).rejects.toMatchObject({ code: 'not-modified' })
  })

  it.each([
    [{ StopSignal: 'SIGINT' }, {}, 'SIGINT', 10],
    [{ StopSignal: 'SIGINT', StopTimeout: 3 }, { signal: 'QUIT' }, 'SIGQUIT', 3],
    [{}, { timeoutSeconds: 0 }, 'SIGTERM', 0],
    [{}, { timeoutSeconds: -1 }, 'SIGTERM', -1],
    [{}, { timeoutSeconds: 10 ** 15 }, 'SIGTERM', 10 ** 15],
  ])('with %j in the config and %j asked sends %s within %i s', async (config, asked, signal, seconds) => {
    const daemon = await openDaemon()
    const id = await run(daemon, { config: { Image: 'busybox', ...config } })
    await daemon.engine.stop('web', asked, origin)
    const stopRequest = daemon.engine.history(id).find(({ event }) => event.type === 'StopRequested')?.event
    expect(stopRequest).toMatchObject({ signal, timeoutSeconds: seconds })
    expect(stopRequest).toHaveProperty('deadline', seconds < 0 || seconds > 1e9 ? null : expect.any(String))
  })

  it('refuses what is no signal', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    await expect(daemon.engine.stop('web', { signal: 'NOPE' }, origin)).rejects.toMatchObject({
      code: 'bad-request',
      message: 'Invalid signal: NOPE',
    })
  })

  it('cancels a launch: what was done is undone, and a late result is ignored', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    const preparing = gate(daemon.world, 'prepareBundle')
    const start = daemon.engine.start('web', origin)
    await preparing.reached
    const stop = daemon.engine.stop('web', {}, origin)
    preparing.open()
    await expect(start).rejects.toMatchObject({
      code: 'conflict',
      message: 'the start was cancelled before the container ran',
    })
    await stop
    expect(eventTypes(daemon, id).slice(1)).toEqual([
      'StartRequested',
      'RootfsMounted',
      'StopRequested',
      'Released',
    ])
    expect(daemon.world.leftovers(id)).toEqual([])
    expect(daemon.engine.get('web').milestone).toBe('failed')
  })

  it('waits with the release until the aborted worker has let go', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    const mounting = gate(daemon.world, 'mountRootfs')
    daemon.engine.start('web', origin).catch(() => undefined)
    await mounting.reached
    const stop = daemon.engine.stop('web', {}, origin)
    await new Promise(setImmediate)
    expect(daemon.world.done).toEqual([])
    mounting.open()
    await stop
    expect(daemon.world.done[0]).toBe(`mountRootfs ${id}`)
    expect(daemon.world.leftovers(id)).toEqual([])
  })

  it('resumes a paused container for its own stop signal too', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon, { config: { Image: 'busybox', StopSignal: 'SIGINT' } })
    daemon.world.freeze(id, true)
    await expect.poll(() => daemon.engine.get('web').status).toBe('paused')
    const stopped = daemon.engine.stop('web', {}, origin)
    await expect.poll(() => daemon.world.done.at(-1)).toBe(`resume ${id}`)
    daemon.world.exit(id, 0)
    await stopped
  })
})

describe('restart', () => {
  it('stops, releases and starts again as another run', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const first = daemon.engine.get('web').context.run?.id
    await daemon.engine.restart('web', {}, origin)
    const { status, context } = daemon.engine.get('web')
    expect([status, context.run?.cause]).toEqual(['running', 'restart'])
    expect(context.run?.id).not.toBe(first)
    expect(eventTypes(daemon, id).slice(7)).toEqual([
      'RestartRequested',
      'SignalSent',
      'ProcessExited',
      'Released',
      ...launch.slice(1),
    ])
  })

  it('starts a container that does not run', async () => {
    const daemon = await openDaemon()
    await create(daemon)
    await daemon.engine.restart('web', {}, origin)
    expect(daemon.engine.get('web').status).toBe('running')
  })

  it('that meets another restart succeeds with it', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    await Promise.all([daemon.engine.restart('web', {}, origin), daemon.engine.restart('web', {}, origin)])
    expect(daemon.engine.get('web').status).toBe('running')
  })

  it('of a container that is removed when it ends keeps it', async () => {
    const daemon = await openDaemon()
    await run(daemon, { hostConfig: { AutoRemove: true } })
    await daemon.engine.restart('web', {}, origin)
    expect(daemon.engine.get('web').status).toBe('running')
  })

  it('is undone by a stop that comes before the new run', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    const deleting = gate(daemon.world, 'delete')
    const restart = daemon.engine.restart('web', {}, origin)
    await deleting.reached
    const stop = daemon.engine.stop('web', {}, origin)
    deleting.open()
    await expect(restart).rejects.toMatchObject({ code: 'conflict' })
    await stop
    expect(daemon.engine.get('web').status).toBe('exited')
    expect(daemon.world.leftovers(id)).toEqual([])
  })
})

describe('kill', () => {
  it('with SIGKILL answers when the container has ended', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    await daemon.engine.kill('web', '', origin)
    expect(daemon.engine.get('web')).toMatchObject({ status: 'exited', state: { exitCode: 137 } })
  })

  it('with another signal answers when it was sent', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    daemon.world.programs.set(id, { survives: [1] })
    await daemon.engine.kill('web', 'hup', origin)
    expect(daemon.engine.get('web').status).toBe('running')
    expect(eventTypes(daemon, id).slice(7)).toEqual(['KillRequested', 'SignalSent'])
  })

  it('sends signals one after the other, in the order in which they were asked for', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    daemon.world.programs.set(id, { survives: [1, 10, 12] })
    await Promise.all(['HUP', 'USR1', 'USR2'].map((signal) => daemon.engine.kill('web', signal, origin)))
    const sent = daemon.engine
      .history(id)
      .flatMap(({ event }) => (event.type === 'SignalSent' ? [event.signal] : []))
    expect(sent).toEqual(['SIGHUP', 'SIGUSR1', 'SIGUSR2'])
  })

  it.each(['HUP', 'KILL'])('with %s that can’t be sent says why', async (signal) => {
    const daemon = await openDaemon()
    await run(daemon)
    daemon.world.hinder = (operation) => {
      if (operation === 'kill') throw new TallyError('internal', 'operation not permitted')
    }
    await expect(daemon.engine.kill('web', signal, origin)).rejects.toMatchObject({
      code: 'internal',
      message: 'Cannot kill container: web: operation not permitted',
    })
    expect(daemon.engine.get('web').status).toBe('running')
  })

  it.each(['HUP', 'KILL'])('with %s succeeds when the process ended first', async (signal) => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    daemon.world.hinder = (operation) => {
      if (operation === 'kill') daemon.world.exit(id, 0)
    }
    await daemon.engine.kill('web', signal, origin)
    await expect.poll(() => daemon.engine.get('web').milestone).toBe('exited')
    expect(eventTypes(daemon, id).slice(7, 10)).toEqual(['KillRequested', 'SignalFailed', 'ProcessExited'])
  })

  it('cancels a launch', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    const pid = gate(daemon.world, 'awaitPid')
    const start = daemon.engine.start('web', origin)
    await pid.reached
    const kill = daemon.engine.kill('web', 'KILL', origin)
    pid.open()
    await expect(start).rejects.toThrow('cancelled')
    await kill
    expect(daemon.world.leftovers(id)).toEqual([])
  })
})

describe('remove', () => {
  it('deletes the layers and frees the name', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    await daemon.engine.remove('web', { force: false, volumes: false }, origin)
    expect(daemon.world.layers.has(id)).toBe(false)
    expect(() => daemon.engine.get('web')).toThrow('No such container: web')
    expect(await create(daemon)).not.toBe(id)
    expect(eventTypes(daemon, id)).toEqual(['ContainerCreated', 'RemoveRequested', 'Removed'])
  })

  it('by force kills first', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.engine.remove('web', { force: true, volumes: false }, origin)
    expect([daemon.world.leftovers(id), daemon.engine.list()]).toEqual([[], []])
  })

  it('by force cancels a launch', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    const pid = gate(daemon.world, 'awaitPid')
    const start = daemon.engine.start('web', origin)
    await pid.reached
    const removal = daemon.engine.remove('web', { force: true, volumes: false }, origin)
    pid.open()
    await expect(start).rejects.toThrow()
    await removal
    expect([daemon.world.leftovers(id), daemon.world.layers.size]).toEqual([[], 0])
  })

  it('happens by itself at the end of a container created with --rm', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon, { hostConfig: { AutoRemove: true } })
    const { result } = await daemon.engine.wait('web', 'removed', new AbortController().signal)
    daemon.world.exit(id, 7)
    expect(await result).toEqual({ exitCode: 7 })
    expect(daemon.engine.list()).toEqual([])
  })

  it('happens by itself after a failed start with --rm, whose error is told', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon, { hostConfig: { AutoRemove: true } })
    daemon.world.hinder = (operation) => {
      if (operation === 'startProcess') throw new TallyError('internal', 'not found', { exitCode: 127 })
    }
    await expect(daemon.engine.start('web', origin)).rejects.toMatchObject({ code: 'bad-request' })
    await expect.poll(() => daemon.engine.list()).toEqual([])
    expect(daemon.world.layers.has(id)).toBe(false)
  })
})

describe('create', () => {
  it('refuses a taken name and keeps nothing of it', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    await expect(create(daemon)).rejects.toThrow(
      `The container name "/web" is already in use by container "${id}"`,
    )
    expect(daemon.world.layers.size).toBe(1)
  })

  it('refuses the second of two that race for a name, and removes its layers', async () => {
    const daemon = await openDaemon()
    const results = await Promise.allSettled([create(daemon), create(daemon)])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(daemon.world.layers.size).toBe(1)
  })

  it('makes a name up', async () => {
    const daemon = await openDaemon()
    await create(daemon, { name: '' })
    expect(daemon.engine.list()[0]?.name).toMatch(/^[a-z]+_[a-z]+$/)
  })

  it('refuses an unknown image and an empty command', async () => {
    const daemon = await openDaemon()
    await expect(create(daemon, { config: { Image: 'no' } })).rejects.toThrow('No such image: no')
    await expect(create(daemon, { config: { Image: 'busybox', Cmd: [] } })).rejects.toMatchObject({
      code: 'bad-request',
      message: 'No command specified',
    })
    expect(daemon.world.layers.size).toBe(0)
  })
})

describe('rename', () => {
  it('changes the name at once, and frees the old one', async () => {
    const daemon = await openDaemon()
    const id = await run(daemon)
    await daemon.engine.rename('web', '/site', origin)
    expect(daemon.engine.get('site').id).toBe(id)
    await create(daemon, { name: 'web' })
    expect(actions(daemon)).toContain('rename')
  })

  it.each([
    ['', 'bad-request', 'Neither old nor new names may be empty'],
    ['web', 'bad-request', 'Renaming a container with the same name as its current name'],
    ['/web', 'bad-request', 'Renaming a container with the same name as its current name'],
    [
      'we b',
      'bad-request',
      'Error when allocating new name: Invalid container name (/we b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
    ],
    [
      '/db',
      'conflict',
      expect.stringMatching(
        /^Error when allocating new name: Conflict. The container name "\/db" is already in use/,
      ),
    ],
  ])('to %j is refused', async (name, code, message) => {
    const daemon = await openDaemon()
    await create(daemon)
    await create(daemon, { name: 'db' })
    await expect(daemon.engine.rename('web', name, origin)).rejects.toMatchObject({ code, message })
  })
})
