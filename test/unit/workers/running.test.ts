import { describe, expect, test as it } from 'vitest'
import { TallyError } from '../../../src/errors.ts'
import { sendSignal, watchProcess } from '../../../src/workers/running.ts'
import { World } from '../engine/world.ts'

const never = new AbortController().signal
const run = { id: 'c1', runId: 'r1' }

async function running() {
  const world = new World()
  world.mounts.add('c1')
  world.bundles.add('c1')
  const supervisor = world.supervisor(never)
  await supervisor.startShim({
    ...{ ...run, bundle: '/b', stdio: {}, terminal: false, log: null, runtime: 'runc' },
  })
  await supervisor.awaitPid('c1')
  await supervisor.startProcess('c1')
  return { world, supervisor }
}

describe('Watching a process', () => {
  it('tells its exit', async () => {
    const { world, supervisor } = await running()
    const watched = watchProcess(supervisor, run, never)
    world.exit('c1', 3)
    const [exit, ...others] = await watched
    expect(exit).toEqual({ type: 'ProcessExited', runId: 'r1', exitCode: 3, exitedAt: expect.any(String) })
    expect(others).toEqual([])
  })

  it('tells first that memory was short', async () => {
    const { world, supervisor } = await running()
    world.exit('c1', 137, true)
    expect(await watchProcess(supervisor, run, never)).toMatchObject([
      { type: 'OomKilled', runId: 'r1' },
      { type: 'ProcessExited', exitCode: 137 },
    ])
  })

  it('tells why the exit code of an unknown task is not known', async () => {
    const supervisor = new World().supervisor(never)
    expect(await watchProcess(supervisor, run, never)).toMatchObject([
      { exitCode: 255, reason: 'no task c1 is known' },
    ])
  })

  it('ends with its signal', async () => {
    const { supervisor } = await running()
    const controller = new AbortController()
    const watched = watchProcess(supervisor, run, controller.signal)
    controller.abort(new Error('enough'))
    await expect(watched).rejects.toThrow('enough')
  })
})

describe('Sending a signal', () => {
  const sigterm = { ...run, signal: 'SIGTERM' }

  it('tells that it was sent', async () => {
    const { world, supervisor } = await running()
    expect(await sendSignal(supervisor, sigterm, false)).toEqual([
      { type: 'SignalSent', runId: 'r1', signal: 'SIGTERM' },
    ])
    expect(world.tasks.get('c1')?.state.exit?.exitCode).toBe(143)
  })

  it('resumes a paused container if it is to act on it', async () => {
    const { world, supervisor } = await running()
    world.freeze('c1', true)
    await sendSignal(supervisor, { ...run, signal: 'SIGHUP' }, false)
    expect(world.tasks.get('c1')?.state.status).toBe('paused')
    await sendSignal(supervisor, sigterm, true)
    expect(world.tasks.get('c1')?.state.status).toBe('running')
  })

  it('does not mind that a process has died of it before it could be resumed', async () => {
    const { world, supervisor } = await running()
    world.freeze('c1', true)
    const killed = await sendSignal(supervisor, { ...run, signal: 'SIGKILL' }, true)
    expect(killed).toEqual([{ type: 'SignalSent', runId: 'r1', signal: 'SIGKILL' }])
  })

  it('fails if the container can’t be resumed, or does not run', async () => {
    const { world, supervisor } = await running()
    world.freeze('c1', true)
    world.hinder = (operation) => {
      if (operation === 'resume') throw new TallyError('internal', 'frozen stiff')
    }
    await expect(sendSignal(supervisor, sigterm, true)).rejects.toThrow('frozen stiff')
    world.exit('c1', 0)
    await expect(sendSignal(supervisor, sigterm, false)).rejects.toMatchObject({ code: 'not-found' })
  })
})
