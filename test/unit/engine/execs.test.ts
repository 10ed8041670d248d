import { describe, expect, test as it, vi } from 'vitest'
import type { ExecConfig, ExecEvent } from '../../../machines/exec-events.ts'
import { replay } from '../../../src/engine/replay.ts'
import { create, type Daemon, messages, openDaemon, origin, projections, reopen, run } from './daemon.ts'

const config: ExecConfig = {
  ...{ Cmd: ['sleep', '9'], Env: [], User: '', WorkingDir: '', Privileged: false, Tty: false },
  ...{ AttachStdin: false, AttachStdout: true, AttachStderr: true },
}

const signal = new AbortController().signal

const types = ({ store }: Daemon, id: string): readonly string[] =>
  store.events.read<ExecEvent>(`exec/${id}`).map(({ event }) => event.type)

const whole = ['ExecCreated', 'ExecStartRequested', 'ExecStarted', 'ExecExited', 'ExecReleased']

async function started(daemon: Daemon): Promise<string> {
  await run(daemon)
  const id = await daemon.engine.execs.create('web', config, origin)
  await daemon.engine.execs.start(id, {}, origin, signal)
  return id
}

describe('An exec', () => {
  it('is recorded from its creation to its release, and its end is known from then on', async () => {
    const daemon = await openDaemon()
    const id = await started(daemon)
    expect(daemon.engine.execs.get(id)).toMatchObject({
      running: true,
      exitCode: null,
      pid: expect.any(Number),
    })
    daemon.world.execs.end(id, 7)
    await vi.waitFor(() => expect(types(daemon, id)).toEqual(whole))
    expect(daemon.engine.execs.get(id)).toMatchObject({ running: false, exitCode: 7 })
    expect(daemon.world.execs.has(id)).toBe(false)
  })

  it('is shown as messages of its container, also after the rows are made anew', async () => {
    const daemon = await openDaemon()
    const id = await started(daemon)
    daemon.world.execs.end(id, 7)
    await vi.waitFor(() => expect(types(daemon, id)).toEqual(whole))
    const own = messages(daemon).filter(({ action }) => action.startsWith('exec_'))
    expect(own.map(({ action }) => action)).toEqual([
      'exec_create: sleep 9',
      'exec_start: sleep 9',
      'exec_die',
    ])
    expect(own[2]?.attributes).toEqual({ execID: id, exitCode: '7', image: 'busybox', name: 'web' })
    const before = projections(daemon)
    daemon.store.rebuild(replay(daemon.store))
    expect(projections(daemon)).toEqual(before)
  })

  it('that ends while no daemon is there is recorded by the next', async () => {
    const daemon = await openDaemon()
    const id = await started(daemon)
    const next = await reopen(daemon)
    expect(next.engine.execs.get(id)).toMatchObject({ running: true })
    next.world.execs.end(id, 3)
    await vi.waitFor(() => expect(types(next, id)).toEqual(whole))
    expect(next.engine.execs.get(id)).toMatchObject({ running: false, exitCode: 3 })
  })

  it('that cannot be started says why, and with which code', async () => {
    const daemon = await openDaemon()
    await run(daemon)
    daemon.world.execs.refusal = 'no such program'
    const id = await daemon.engine.execs.create('web', config, origin)
    await expect(daemon.engine.execs.start(id, {}, origin, signal)).rejects.toThrow('no such program')
    expect(daemon.engine.execs.get(id)).toMatchObject({ running: false, exitCode: 126 })
    await vi.waitFor(() => expect(types(daemon, id).slice(2)).toEqual(['ExecFailed', 'ExecReleased']))
  })

  it('runs once', async () => {
    const daemon = await openDaemon()
    const id = await started(daemon)
    const again = () => daemon.engine.execs.start(id, {}, origin, signal)
    await expect(again()).rejects.toThrow(`Error: Exec command ${id} is already running`)
    daemon.world.execs.end(id, 0)
    await vi.waitFor(() => expect(types(daemon, id)).toEqual(whole))
    await expect(again()).rejects.toThrow(`Error: Exec command ${id} has already run`)
  })

  it('needs a container that runs and a command', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    const { execs } = daemon.engine
    await expect(execs.create('web', config, origin)).rejects.toMatchObject({
      code: 'conflict',
      message: `Container ${id} is not running`,
    })
    await expect(execs.create('gone', config, origin)).rejects.toThrow('No such container: gone')
    await expect(execs.create('web', { ...config, Cmd: [] }, origin)).rejects.toMatchObject({
      code: 'bad-request',
      message: 'No exec command specified',
    })
    expect(() => execs.get('x')).toThrow('No such exec instance: x')
  })
})
