import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { faultsFrom, parseFault } from '../../../src/faults.ts'
import { openSupervisor } from '../../../src/supervisor/local.ts'
import type { LocalSupervisor } from '../../../src/supervisor/local-port.ts'
import type { TaskSpec } from '../../../src/supervisor/port.ts'
import { buildShim, World } from './world.ts'

describe('a supervisor whose shims fail', () => {
  let world: World
  let supervisor: LocalSupervisor

  beforeAll(async () => {
    buildShim()
    world = new World()
    supervisor = await openSupervisor(world.options)
  })
  afterAll(async () => {
    await supervisor[Symbol.asyncDispose]()
    world[Symbol.dispose]()
  })
  afterEach(() => {
    delete process.env.TALLY_FAULT
  })

  async function start(spec: TaskSpec): Promise<void> {
    await supervisor.startShim(spec)
    await supervisor.awaitPid(spec.id)
    await supervisor.startProcess(spec.id)
  }

  it('knows the exit code that a shim could tell but not write down, also after a restart', async () => {
    process.env.TALLY_FAULT = 'shim.write-exit-status.before:1:error'
    const task = world.task('exit 7')
    await start(task)
    const exit = await supervisor.wait(task.id)
    expect(exit).toEqual({ exitCode: 7, exitedAt: exit.exitedAt, oomKilled: false })
    await supervisor[Symbol.asyncDispose]()
    supervisor = await openSupervisor(world.options)
    expect(await supervisor.wait(task.id)).toEqual(exit)
    await supervisor.delete(task.id)
    expect(world.remains(task.id)).toEqual([])
  })

  it.each(['makeDirectory', 'spawnShim', 'recordShim'])(
    'leaves nothing of a launch that fails after %s',
    async (step) => {
      const faults = faultsFrom(parseFault(`supervisor.${step}.after:1:error`), () => undefined)
      await using failing = await openSupervisor({ ...world.options, faults })
      const task = world.task('true')
      await expect(failing.startShim(task)).rejects.toThrow('fault injected')
      expect(world.remains(task.id)).toEqual([])
    },
  )

  it.each(['before', 'after'])('fails a start whose pid can not be written down, %s it is', async (side) => {
    const faults = faultsFrom(parseFault(`supervisor.recordPid.${side}:1:error`), () => undefined)
    await using failing = await openSupervisor({ ...world.options, faults })
    const task = world.task('true')
    await failing.startShim(task)
    await expect(failing.awaitPid(task.id)).rejects.toThrow('fault injected')
    await failing.delete(task.id)
    expect(world.remains(task.id)).toEqual([])
  })

  it('says that the code is unknown if the shim was killed before it could tell it', async () => {
    process.env.TALLY_FAULT = 'shim.write-exit-status.before:1:kill'
    const task = world.task('exit 7')
    await start(task)
    expect(await supervisor.wait(task.id)).toMatchObject({ exitCode: 255, reason: 'the shim was killed' })
    await supervisor.delete(task.id)
    expect(world.remains(task.id)).toEqual([])
  })
})
