/** Lives of containers that are frozen, given other limits, and started again by their policy. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import type { Answer } from '../../e2e/api-client.ts'
import type { Host } from './host.ts'
import { milestones } from './life-log.ts'

const stubborn = ['sleep', '1000']
const greedy = ['sh', '-c', 'x=a; while :; do x=$x$x; done']
const always = { RestartPolicy: { Name: 'always' } }
const answers = (status: number) => expect.objectContaining({ status })

const changeLimits = (host: Host, id: string): Promise<Answer> =>
  host.api.send('POST', `/containers/${id}/update`, '{"CpuShares":512}')

/** Asks when the process has been killed and its shim, which stands still, has not told so. */
async function askLate(host: Host, id: string, work: () => Promise<Answer>): Promise<Answer> {
  const { shimPid } = await host.event(id, 'ShimStarted')
  const { pid } = await host.event(id, 'PidRecorded')
  process.kill(shimPid, 'SIGSTOP')
  process.kill(pid, 'SIGKILL')
  thaw(host, id)
  const isDead = (): boolean =>
    !existsSync(`/proc/${pid}`) || /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  await expect.poll(isDead, { timeout: 30_000 }).toBe(true)
  try {
    return await work()
  } finally {
    process.kill(shimPid, 'SIGCONT')
  }
}

/** Behind everybody's back: on cgroup v1 a frozen process does not die before it is thawed, cgroups(7). */
function thaw({ roots }: Host, id: string): void {
  const state = join('/sys/fs/cgroup/freezer', basename(dirname(roots.dataRoot)), id, 'freezer.state')
  if (existsSync(state)) writeFileSync(state, 'THAWED')
}

/** Until it waits for its next start, which is not due for some time. */
async function untilItWaits(host: Host, id: string): Promise<void> {
  const waits = async (): Promise<boolean> => {
    const events = await host.events(id)
    const isDistant = events.filter(({ type }) => type === 'RestartDue').length >= 3
    return isDistant && milestones(events).at(-1) === 'restarting'
  }
  await expect.poll(waits, { timeout: 60_000, interval: 20 }).toBe(true)
}

/** @param current the host of the test that runs. */
export function freezingAndPolicies(current: () => Host): void {
  it('is paused, resumed and given other limits when a client asks', async () => {
    const host = current()
    const id = await host.run(stubborn)
    expect(await host.ask(id, 'pause')).toEqual(answers(204))
    expect(await host.ask(id, 'unpause')).toEqual(answers(204))
    expect(await changeLimits(host, id)).toEqual(answers(200))
    expect(await host.types(id)).toEqual(
      expect.arrayContaining(['PauseRequested', 'Paused', 'ResumeRequested', 'Resumed', 'LimitsApplied']),
    )
    expect(await host.remove(id, true)).toEqual(answers(204))
  })

  it('has ended before it is paused, or given other limits', async () => {
    const host = current()
    const [paused, limited] = [await host.run(stubborn), await host.run(stubborn)]
    expect(await askLate(host, paused, () => host.ask(paused, 'pause'))).toEqual(answers(500))
    expect(await askLate(host, limited, () => changeLimits(host, limited))).toEqual(answers(500))
    expect(await host.types(paused)).toContain('PauseFailed')
    expect(await host.types(limited)).toContain('LimitsRefused')
  })

  it('has ended before it is resumed', async () => {
    const host = current()
    const id = await host.run(stubborn)
    expect(await host.ask(id, 'pause')).toEqual(answers(204))
    expect(await askLate(host, id, () => host.ask(id, 'unpause'))).toEqual(answers(500))
    await host.until(id, 'Released')
    expect(await host.types(id)).toContain('ResumeFailed')
    expect(host.leavings(id)).toEqual([])
  })

  it('is given other limits wherever it rests', async () => {
    const host = current()
    const created = await host.create(['true'])
    expect(await changeLimits(host, created)).toEqual(answers(200))
    const exited = await host.run(['true'])
    const starved = await host.run(greedy, { HostConfig: { Memory: 16 << 20 } })
    const failed = await host.create(['no-such-command'])
    expect(await host.ask(failed, 'start')).toEqual(answers(400))
    for (const id of [exited, starved, failed]) {
      await host.until(id, 'Released')
      expect(await changeLimits(host, id)).toEqual(answers(200))
    }
  })

  it('is given other limits while it is released', async () => {
    const host = current()
    const gate = host.gates.hold('undo.startProcess.before')
    const id = await host.run(['true'])
    await gate.reached
    const changed = changeLimits(host, id)
    await host.until(id, 'UpdateRequested')
    gate.open()
    expect(await changed).toEqual(answers(200))
  })

  it('is started again by its policy until somebody stops or kills it, also for want of memory', async () => {
    const host = current()
    for (const command of ['stop', 'kill'])
      for (const [program, Memory] of [
        [['true'], 0],
        [greedy, 16 << 20],
      ] as const) {
        const id = await host.run(program, { HostConfig: { ...always, Memory } })
        await untilItWaits(host, id)
        expect(await host.ask(id, command)).toEqual(answers(204))
        expect(milestones(await host.events(id)).at(-1)).toBe(Memory === 0 ? 'exited' : 'oom-killed')
      }
  })

  it('waits for its next start, and is changed, restarted and removed meanwhile', async () => {
    const host = current()
    const id = await host.run(['true'], { HostConfig: always })
    await untilItWaits(host, id)
    expect(await changeLimits(host, id)).toEqual(answers(200))
    await untilItWaits(host, id)
    expect(await host.ask(id, 'restart')).toEqual(answers(204))
    await untilItWaits(host, id)
    expect(await host.remove(id, true)).toEqual(answers(204))
    expect(host.leavings(id)).toEqual([])
  })
}
