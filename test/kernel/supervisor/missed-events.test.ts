/** What tasks do while no supervisor lives or no connection to it stands: whoever reads events is told when both are back. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterEach, beforeAll, beforeEach, expect, test as it } from 'vitest'
import type { SupervisorEvent, TaskSpec } from '../../../src/supervisor/port.ts'
import { Served } from './served.ts'
import { buildShim, World } from './world.ts'

let world: World
let served: Served

beforeAll(buildShim)

beforeEach(async () => {
  world = new World()
  served = await Served.start(world)
})

afterEach(async () => {
  for (const { id } of await served.client.tasks()) await served.client.delete(id)
  await served[Symbol.asyncDispose]()
  world[Symbol.dispose]()
})

async function run(task: TaskSpec): Promise<void> {
  await served.client.startShim(task)
  await served.client.awaitPid(task.id)
  await served.client.startProcess(task.id)
}

/** What one reader is told about a task, from now on. */
function follow({ id, runId }: TaskSpec) {
  const seen: SupervisorEvent['type'][] = []
  const stop = new AbortController()
  const read = async (): Promise<void> => {
    for await (const event of served.client.events(stop.signal))
      if (event.id === id && event.runId === runId) seen.push(event.type)
  }
  const reading = read()
  const end = async (): Promise<void> => {
    stop.abort()
    await reading
  }
  return { seen, end }
}

const runc = (command: string, id: string): void =>
  void execFileSync('runc', ['--root', world.options.runtimeRoot, command, id])

const patience = { timeout: 30_000 }

it('a pause and a resuming', async () => {
  const task = world.task(['sleep', '1000'])
  await run(task)
  const { seen, end } = follow(task)
  await expect.poll(() => seen, patience).toEqual(['resumed'])
  await served.kill()
  runc('pause', task.id)
  await served.start()
  await expect.poll(() => seen, patience).toEqual(['resumed', 'paused'])
  await served.kill()
  runc('resume', task.id)
  await served.start()
  await expect.poll(() => seen, patience).toEqual(['resumed', 'paused', 'resumed'])
  await end()
})

it('a process killed for want of memory, though the first one goes on', async () => {
  const script = 'sleep 0.5; dd if=/dev/zero of=/dev/null bs=128M count=1; sleep 1000'
  const task = world.task(script, {
    adapt: (config) => {
      config.linux.resources.memory = { limit: 32 * 1024 * 1024, swap: 32 * 1024 * 1024 }
    },
  })
  await run(task)
  await served.kill()
  await expect.poll(() => existsSync(world.file(task.id, 'oom')), patience).toBe(true)
  const { seen, end } = follow(task)
  await served.start()
  await expect.poll(() => seen, patience).toEqual(['oom', 'resumed'])
  expect(await served.client.task(task.id)).toMatchObject({ status: 'running', oomKilled: true })
  await end()
})

it('what happened before it was asked and is still so', async () => {
  const task = world.task(['sleep', '1000'])
  await run(task)
  await served.client.pause(task.id)
  const { seen, end } = follow(task)
  await expect.poll(() => seen, patience).toEqual(['paused'])
  await served.client.resume(task.id)
  await expect.poll(() => seen, patience).toEqual(['paused', 'resumed'])
  await end()
})

it('ends when it is told to, also while no supervisor lives', async () => {
  const task = world.task('true')
  await served.kill()
  const { seen, end } = follow(task)
  await end()
  expect(seen).toEqual([])
  await served.start()
})
