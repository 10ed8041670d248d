/**
 * Leads real containers through the whole machine: real store, workers, supervisor, shim and runc. What none of them went through fails
 * the last test by its name, so a new state or transition needs a life here.
 */
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { LaunchStep } from '../../../machines/container-events.ts'
import { Coverage } from '../../model/coverage.ts'
import { breaks } from './breaks.ts'
import { freezingAndPolicies } from './freezing.ts'
import { Host } from './host.ts'
import { milestones } from './life-log.ts'
import { rebootDuringStarts } from './reboots.ts'

vi.setConfig({ testTimeout: 180_000 })

const coverage = new Coverage()
const steps = ['mountRootfs', 'prepareBundle', 'startShim', 'awaitPid', 'startProcess'] as const

const stubborn = ['sleep', '1000']
const obedient = ['sh', '-c', 'trap "exit 5" TERM; while :; do sleep 1 & wait $!; done']
const greedy = ['sh', '-c', 'x=a; while :; do x=$x$x; done']
const small = { HostConfig: { Memory: 16 << 20 } }

let host: Host
beforeAll(async () => {
  host = await new Host().open()
  await host.importBusybox()
}, 120_000)
afterAll(() => host?.destroy(), 120_000)

const answers = (status: number) => expect.objectContaining({ status })

/** Its state, as the machine names it. */
const state = async (id: string): Promise<string | undefined> => milestones(await host.events(id)).at(-1)

/** A start whose `step` has come to `where` and goes no further. */
async function heldStart(step: LaunchStep, where: 'before' | 'after') {
  const id = await host.create(stubborn)
  const gate = host.gates.hold(`perform.${step}.${where}`)
  const started = host.ask(id, 'start')
  await gate.reached
  return { id, gate, started }
}

/** Everything that may be asked for at rest leads out of `rest`, to where `come` leads back from. */
async function leaveThrice(id: string, rest: string, ended: (status: number) => Promise<unknown>) {
  for (const command of ['start', 'restart?t=0']) {
    await ended((await host.ask(id, command)).status)
    await expect.poll(() => state(id), { timeout: 60_000 }).toBe(rest)
  }
  expect(await host.remove(id)).toEqual(answers(204))
  expect(await state(id)).toBe('removed')
}

describe('a container at rest', () => {
  it('is started, restarted and removed as it was created, renamed and attached to', async () => {
    const [started, restarted, removed] = [
      await host.create(['true']),
      await host.create(['true']),
      await host.create(['true']),
    ]
    expect(await host.ask(removed, 'rename?name=other')).toEqual(answers(204))
    await host.attach(removed)
    expect(await host.remove(removed)).toEqual(answers(204))
    expect(await host.ask(started, 'start')).toEqual(answers(204))
    expect(await host.ask(restarted, 'restart')).toEqual(answers(204))
    for (const id of [started, restarted]) await host.until(id, 'Released')
    for (const id of [started, restarted]) expect(await host.remove(id)).toEqual(answers(204))
  })

  it('is started again, restarted and removed after it has ended', async () => {
    const id = await host.run(['sh', '-c', 'exit 3'])
    await host.until(id, 'Released')
    await leaveThrice(id, 'exited', async (status) => expect(status).toBe(204))
  })

  it('is started again, restarted and removed after a start that failed', async () => {
    const id = await host.create(['no-such-command'])
    expect(await host.ask(id, 'start')).toEqual(answers(400))
    await leaveThrice(id, 'failed', async (status) => expect(status).toBe(400))
  })

  it('is started again, restarted and removed after it had too little memory', async () => {
    const id = await host.run(greedy, small)
    await host.until(id, 'Released')
    await leaveThrice(id, 'oom-killed', async (status) => expect(status).toBe(204))
  })
})

describe('a running container', () => {
  it('is stopped, and killed when it does not stop in time', async () => {
    const id = await host.run(stubborn)
    expect(await host.ask(id, 'stop?t=0')).toEqual(answers(204))
    expect(await host.types(id)).toContain('StopDeadlinePassed')
    expect(host.leavings(id)).toEqual([])
  })

  it('is restarted, signalled, and removed by force', async () => {
    const id = await host.run(obedient)
    expect(await host.ask(id, 'restart')).toEqual(answers(204))
    expect(await host.ask(id, 'kill?signal=USR2')).toEqual(answers(204))
    expect(await host.types(id)).toContain('SignalSent')
    expect(await host.remove(id, true)).toEqual(answers(204))
    expect(host.leavings(id)).toEqual([])
  })

  it('is paused and resumed', async () => {
    const id = await host.run(stubborn)
    await host.supervisor.pause(id)
    await host.until(id, 'Paused')
    await host.supervisor.resume(id)
    await host.until(id, 'Resumed')
    expect(await host.remove(id, true)).toEqual(answers(204))
  })

  it('has its terminal sized and left, its processes listed, its files copied, exported and made an image of', async () => {
    const id = await host.run(stubborn, { Tty: true, OpenStdin: true })
    const [control, file] = ['\x10\x11', `/containers/${id}/archive?path=/etc/passwd`]
    await host.attach(id, control)
    expect(await host.ask(id, 'resize?h=24&w=80')).toEqual(answers(200))
    expect(await host.api.send('GET', `/containers/${id}/top`)).toEqual(answers(200))
    const tar = await host.api.ask('GET', file)
    expect(await host.api.send('PUT', `/containers/${id}/archive?path=/tmp`, Buffer.from(tar))).toEqual(
      answers(200),
    )
    expect(await host.api.send('GET', `/containers/${id}/export`)).toEqual(answers(200))
    expect(await host.api.send('POST', `/commit?container=${id}&repo=made`, '{}')).toEqual(answers(201))
    expect(await host.remove(id, true)).toEqual(answers(204))
  })

  it('is stuck while its end is not reported, and ends when it is', async () => {
    const id = await host.run(stubborn)
    const { shimPid } = await host.event(id, 'ShimStarted')
    process.kill(shimPid, 'SIGSTOP')
    expect(await host.ask(id, 'stop?t=0')).toEqual(answers(500))
    expect(await host.types(id)).toContain('KillDeadlinePassed')
    process.kill(shimPid, 'SIGCONT')
    await host.until(id, 'Released')
    expect(host.leavings(id)).toEqual([])
  })

  it('ends before a signal comes to it', async () => {
    const id = await host.run(stubborn)
    const gate = host.gates.hold('perform.sendSignal.before')
    const killed = host.ask(id, 'kill?signal=USR1')
    await gate.reached
    process.kill((await host.event(id, 'PidRecorded')).pid, 'SIGKILL')
    await expect
      .poll(async () => (await host.supervisor.task(id))?.status, { timeout: 30_000 })
      .toBe('stopped')
    gate.open()
    expect(await killed).toEqual(answers(204))
    await host.until(id, 'Released')
    expect(await host.types(id)).toContain('SignalFailed')
  })
})

describe('a container that is being released', () => {
  it('is started, stopped, restarted and removed', async () => {
    const gate = host.gates.hold('undo.startProcess.before')
    const id = await host.run(['true'])
    await gate.reached
    const started = host.ask(id, 'start')
    await host.until(id, 'StartRequested')
    const stopped = host.ask(id, 'stop')
    expect(await started).toEqual(answers(409))
    const restarted = host.ask(id, 'restart')
    await host.until(id, 'RestartRequested')
    const removed = host.remove(id)
    await host.until(id, 'RemoveRequested')
    gate.open()
    expect(await Promise.all([stopped, restarted, removed])).toEqual([
      answers(204),
      answers(409),
      answers(204),
    ])
    expect(host.leavings(id)).toEqual([])
  })

  it('is removed by itself if it was made so', async () => {
    const id = await host.run(['true'], { HostConfig: { AutoRemove: true } })
    await host.until(id, 'Removed')
    expect(host.leavings(id)).toEqual([])
  })
})

describe.each(steps)('a start at %s', (step) => {
  it('fails when the world says no, leaves nothing, and is made again', async () => {
    const { id, gate, started } = await heldStart(breaks[step].before, 'before')
    const mend = await breaks[step].spoil(host, id)
    gate.open()
    expect((await started).status).toBeGreaterThanOrEqual(400)
    mend()
    expect(await host.event(id, 'StepFailed')).toMatchObject({ step })
    expect(host.leavings(id)).toEqual([])
    expect(await host.ask(id, 'start')).toEqual(answers(204))
    expect(await host.remove(id, true)).toEqual(answers(204))
  })

  it.each([
    ['stop', 'StopRequested', (id: string) => host.ask(id, 'stop')],
    ['kill', 'KillRequested', (id: string) => host.ask(id, 'kill')],
    ['rm -f', 'RemoveRequested', (id: string) => host.remove(id, true)],
  ] as const)('is cancelled by %s and leaves nothing', async (_, event, cancel) => {
    const { id, gate, started } = await heldStart(step, 'after')
    const cancelled = cancel(id)
    await host.until(id, event)
    gate.open()
    expect(await cancelled).toEqual(answers(204))
    expect(await started).toEqual(answers(409))
    expect(host.leavings(id)).toEqual([])
  })
})

describe('a container that is frozen, changed or started again', () => freezingAndPolicies(() => host))

describe('a reboot of the host', () => {
  it('is told to containers whose processes are still there, and these are ended', async () => {
    const [running, paused] = [await host.run(stubborn), await host.run(stubborn)]
    await host.supervisor.pause(paused)
    await host.until(paused, 'Paused')
    const pids = await Promise.all(
      [running, paused].map(async (id) => (await host.event(id, 'PidRecorded')).pid),
    )
    await host.close()
    await host.open({ bootId: 'another' })
    for (const id of [running, paused]) {
      await host.until(id, 'Released')
      expect(await host.types(id)).toContain('HostRebooted')
      expect(host.leavings(id)).toEqual([])
    }
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
  })

  it('ends a start at each of its steps', async () => {
    const lives = await rebootDuringStarts(steps)
    for (const life of lives) coverage.add(life)
    expect(lives.map((life) => milestones(life).at(-1))).toEqual(steps.map(() => 'failed'))
    const overtaken = lives.map(
      (life) => milestones(life)[life.findIndex(({ type }) => type === 'HostRebooted') - 1],
    )
    expect(overtaken).toEqual(
      ['starting', 'rootfs-mounted', 'bundle-ready', 'shim-started', 'pid-recorded'].map(
        (milestone) => `launching.${milestone}`,
      ),
    )
  }, 300_000)
})

describe('all of them together', () => {
  beforeAll(async () => {
    for (const id of host.ids) coverage.add(await host.events(id))
  })

  it('were in every state', () => {
    expect(coverage.missingStates()).toEqual([])
  })

  it('took every transition', () => {
    expect(coverage.missingTransitions()).toEqual([])
  })
})
