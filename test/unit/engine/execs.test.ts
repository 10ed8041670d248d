import { describe, expect, test as it, vi } from 'vitest'
import type { ExecConfig, ExecEvent } from '../../../machines/exec-events.ts'
import { type Clock, nanoseconds, rfc3339 } from '../../../src/clock.ts'
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

function handClock(): { readonly clock: Clock; readonly pass: (seconds: number) => void } {
  let time = nanoseconds('2026-01-01T00:00:00Z')
  const pass = (seconds: number): void => {
    time += BigInt(seconds) * 1_000_000_000n
  }
  return { clock: { now: () => rfc3339(time), monotonic: () => time }, pass }
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

  it('is forgotten five minutes after its end, also by the next daemon', async () => {
    const { clock, pass } = handClock()
    const daemon = await openDaemon({ clock })
    const [old, recent] = [await started(daemon), await daemon.engine.execs.create('web', config, origin)]
    daemon.world.execs.end(old, 0)
    await vi.waitFor(() => expect(types(daemon, old)).toEqual(whole))
    pass(299)
    expect(daemon.engine.execs.get(old)).toMatchObject({ exitCode: 0 })
    pass(2)
    expect(() => daemon.engine.execs.get(old)).toThrow(`No such exec instance: ${old}`)
    expect(daemon.engine.execs.get(recent)).toMatchObject({ running: false, exitCode: null })
    const next = await reopen(daemon, { clock })
    expect(() => next.engine.execs.get(old)).toThrow(`No such exec instance: ${old}`)
    expect(next.engine.execs.get(recent)).toMatchObject({ running: false, exitCode: null })
  })

  it('that was not started goes with the run, and all go with their container', async () => {
    const daemon = await openDaemon()
    const { execs } = daemon.engine
    const ran = await started(daemon)
    const created = await execs.create('web', config, origin)
    await daemon.engine.kill('web', 'KILL', origin)
    await vi.waitFor(() => expect(types(daemon, ran)).toEqual(whole))
    expect(execs.get(ran)).toMatchObject({ running: false, exitCode: 137 })
    expect(() => execs.get(created)).toThrow('No such exec instance')
    await daemon.engine.start('web', origin)
    await expect(execs.start(created, {}, origin, signal)).rejects.toThrow('No such exec instance')
    await daemon.engine.remove('web', { force: true, volumes: false }, origin)
    expect(() => execs.get(ran)).toThrow('No such exec instance')
  })

  it('has ended before its container is released', async () => {
    const daemon = await openDaemon()
    const id = await started(daemon)
    daemon.world.execs.keepsGoing = true
    const container = daemon.engine.get('web').id
    daemon.world.exit(container, 0)
    await vi.waitFor(() => expect(types(daemon, id)).toEqual(whole))
    await vi.waitFor(() => expect(daemon.engine.get('web').status).toBe('exited'))
    const { done } = daemon.world
    expect(done.indexOf(`kill ${id}`)).toBeGreaterThan(0)
    expect(done.indexOf(`kill ${id}`)).toBeLessThan(done.indexOf(`delete ${container}`))
  })

  it('that no log wants is ended when the daemon comes back', async () => {
    const daemon = await openDaemon()
    const id = await started(daemon)
    const task = daemon.world.tasks.get(daemon.engine.get('web').id)?.state
    const stray = { id: task?.id ?? '', runId: task?.runId ?? '', execId: 'stray', process: {}, stdio: {} }
    await daemon.world.supervisor(signal).startExec({ ...stray, terminal: false })
    const next = await reopen(daemon)
    expect([next.world.execs.has(id), next.world.execs.has('stray')]).toEqual([true, false])
    expect(next.reports).toContainEqual({
      message: 'orphan released',
      fields: { kind: 'exec', container: task?.id, exec: 'stray' },
    })
  })
})
