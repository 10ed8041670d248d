/** A supervisor that is killed at any point, and the next one that takes over its tasks from the directory and the live shims. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, test as it } from 'vitest'
import { isAlive } from '../../../src/kernel/process-identity.ts'
import type { Supervisor, TaskSpec } from '../../../src/supervisor/port.ts'
import { Served } from './served.ts'
import { buildShim, World } from './world.ts'

let world: World
let served: Served
let supervisor: Supervisor

beforeAll(buildShim)

beforeEach(async () => {
  world = new World()
  served = await Served.start(world)
  supervisor = served.client
})

afterEach(async () => {
  for (const { id } of await supervisor.tasks()) await supervisor.delete(id)
  await served[Symbol.asyncDispose]()
  world[Symbol.dispose]()
})

async function run(task: TaskSpec) {
  await supervisor.startShim(task)
  const process = await supervisor.awaitPid(task.id)
  const { startedAt } = await supervisor.startProcess(task.id)
  return { process, startedAt }
}

it('takes over what runs: the same process, that can be paused, killed and waited for', async () => {
  const task = world.task(['sleep', '1000'])
  await run(task)
  const before = await supervisor.task(task.id)
  await served.kill()
  await served.start()
  expect(await supervisor.task(task.id)).toEqual(before)
  await supervisor.pause(task.id)
  await supervisor.resume(task.id)
  await supervisor.kill(task.id, 'SIGKILL')
  expect(await supervisor.wait(task.id)).toMatchObject({ exitCode: 137 })
})

it('knows of a pause that it did not see', async () => {
  const task = world.task(['sleep', '1000'])
  await run(task)
  await supervisor.pause(task.id)
  await served.kill()
  await served.start()
  expect(await supervisor.task(task.id)).toMatchObject({ status: 'paused' })
})

it('tells an exit that happened while nobody watched, with its real code and time', async () => {
  const task = world.task('sleep 0.3; exit 9')
  await run(task)
  await served.kill()
  await expect.poll(() => existsSync(world.file(task.id, 'exit-status'))).toBe(true)
  const written = JSON.parse(readFileSync(world.file(task.id, 'exit-status'), 'utf8')) as object
  await served.start()
  expect(await supervisor.wait(task.id)).toEqual(written)
  expect(written).toMatchObject({ exitCode: 9 })
})

it('ends a container whose shim was killed while nobody watched, and says the same of it ever after', async () => {
  const task = world.task(['sleep', '1000'])
  const { process: first } = await run(task)
  const { shim } = (await supervisor.task(task.id)) ?? expect.unreachable()
  await served.kill()
  process.kill(shim.pid, 'SIGKILL')
  await served.start()
  const exit = await supervisor.wait(task.id)
  expect(exit).toMatchObject({ exitCode: 255, reason: 'the shim was killed' })
  expect(isAlive(first)).toBe(false)
  await served.kill()
  await served.start()
  expect(await supervisor.wait(task.id)).toEqual(exit)
})

it('keeps a client waiting over its death until there is an exit to tell', async () => {
  const task = world.task(['sleep', '1000'])
  await run(task)
  const waiting = supervisor.wait(task.id)
  await served.kill()
  await served.start()
  await supervisor.kill(task.id, 'SIGKILL')
  expect(await waiting).toMatchObject({ exitCode: 137 })
})

it('goes on with a container whose creation it did not see the end of', async () => {
  const task = world.task('echo hello', { runtime: world.script('sleep 0.2; exec runc "$@"') })
  const shim = await supervisor.startShim(task)
  const pid = supervisor.awaitPid(task.id)
  await served.kill()
  await served.start()
  expect(await supervisor.startShim(task)).toEqual(shim)
  const process = await pid
  expect(readFileSync(world.file(task.id, 'starttime'), 'utf8')).toBe(process.startTicks)
  await supervisor.startProcess(task.id)
  expect(await supervisor.wait(task.id)).toMatchObject({ exitCode: 0 })
  expect(world.output(task.id)).toBe('hello\n')
})

it('says why a creation failed that it did not see the end of', async () => {
  const task = world.task(['nosuchcommand'], { runtime: world.script('sleep 0.2; exec runc "$@"') })
  await supervisor.startShim(task)
  await served.kill()
  await expect.poll(() => readFileSync(world.file(task.id, 'shim-log.json'), 'utf8')).toContain('error')
  await served.start()
  await expect(supervisor.awaitPid(task.id)).rejects.toMatchObject({ exitCode: 127 })
})

it('finds the shim of a supervisor that was killed before it could write down the pid', async () => {
  const task = world.task(['sleep', '1000'])
  await run(task)
  const before = await supervisor.task(task.id)
  await served.kill()
  rmSync(world.file(task.id, 'shim'))
  await served.start()
  expect(await supervisor.task(task.id)).toEqual(before)
})

it('does not start a process twice that an earlier supervisor started', async () => {
  const task = world.task('echo once; exec sleep 1000')
  const { startedAt } = await run(task)
  await served.kill()
  await served.start()
  expect(await supervisor.startProcess(task.id)).toEqual({ startedAt })
  expect(await supervisor.task(task.id)).toMatchObject({ status: 'running' })
  expect(world.output(task.id)).toBe('once\n')
})

it.each([
  ['before it could write that down', () => {}],
  [
    'amid runc start',
    (id: string) => execFileSync('mkfifo', [join(world.options.runtimeRoot, id, 'exec.fifo')]),
  ],
])('finds the traces of a start that was cut off %s', async (_, disturb) => {
  const task = world.task('echo once; exec sleep 1000')
  const { startedAt } = await run(task)
  await expect.poll(() => world.output(task.id)).toBe('once\n')
  await served.kill()
  rmSync(world.file(task.id, 'started'))
  disturb(task.id)
  await served.start()
  const again = await supervisor.startProcess(task.id)
  expect(again.startedAt >= startedAt).toBe(true)
  await supervisor.kill(task.id, 'SIGKILL')
  await supervisor.wait(task.id)
  expect(world.output(task.id)).toBe('once\n')
})

it('starts anew where a supervisor was killed before it spawned the shim', async () => {
  const task = world.task('exit 4')
  await served.kill()
  const record = world.file(task.id, 'task.json')
  mkdirSync(dirname(record), { recursive: true })
  writeFileSync(record, JSON.stringify({ ...task, cgroupsPath: null, command: 'sh' }))
  await served.start()
  await run(task)
  expect(await supervisor.wait(task.id)).toMatchObject({ exitCode: 4 })
})

it('clears a directory that was never finished, and starts in spite of a damaged one', async () => {
  const [unfinished, damaged] = [world.task('true'), world.task('true')]
  await served.kill()
  for (const { id } of [unfinished, damaged])
    mkdirSync(dirname(world.file(id, 'task.json')), { recursive: true })
  writeFileSync(world.file(damaged.id, 'task.json'), '{"id":')
  writeFileSync(join(world.options.root, 'stray file'), '')
  await served.start()
  expect(await supervisor.tasks()).toEqual([])
  await run(damaged)
  expect(await supervisor.wait(damaged.id)).toMatchObject({ exitCode: 0 })
})

it('takes nothing over from before a reboot, though processes of now have the pids and start times of then', async () => {
  const task = world.task(['sleep', '1000'])
  const { process: first } = await run(task)
  await served.kill()
  const record = JSON.parse(readFileSync(world.file(task.id, 'task.json'), 'utf8')) as object
  writeFileSync(world.file(task.id, 'task.json'), JSON.stringify({ ...record, bootId: 'an earlier one' }))
  await served.start()
  expect(await supervisor.tasks()).toEqual([])
  expect(existsSync(join(world.options.root, task.id))).toBe(false)
  expect(isAlive(first)).toBe(true)
  process.kill(first.pid, 'SIGKILL')
  execFileSync('runc', ['--root', world.options.runtimeRoot, 'delete', '--force', task.id])
})

it('deletes what an earlier supervisor left', async () => {
  const task = world.task(['sleep', '1000'])
  const { process: first } = await run(task)
  await served.kill()
  await served.start()
  await supervisor.delete(task.id)
  expect(isAlive(first)).toBe(false)
  expect(world.remains(task.id)).toEqual([])
})

it('takes over an exec that lives: it can be killed and waited for', async () => {
  const task = world.task(['sleep', '1000'])
  await run(task)
  const exec = world.exec(task, ['sleep', '1000'])
  const shim = await supervisor.startExec(exec)
  await supervisor.awaitPid(exec)
  const before = await supervisor.execs(task.id)
  await served.kill()
  await served.start()
  expect(await supervisor.execs(task.id)).toEqual(before)
  expect(await supervisor.startExec(exec)).toEqual(shim)
  await supervisor.kill(exec, 'SIGKILL')
  expect(await supervisor.wait(exec)).toMatchObject({ exitCode: 137 })
  await supervisor.delete(exec)
  expect(world.remains(exec.execId)).toEqual([])
})

it('tells the exit of an exec that ended while nobody watched, and goes on with one that it did not see begin', async () => {
  const task = world.task(['sleep', '1000'], { runtime: world.script('sleep 0.2; exec runc "$@"') })
  await run(task)
  const [ended, begun] = [world.exec(task, 'exit 9'), world.exec(task, ['sleep', '1000'])]
  await supervisor.startExec(ended)
  await supervisor.startExec(begun)
  await served.kill()
  const exited = () => existsSync(world.file(task.id, 'exit-status', ended.execId))
  await expect.poll(exited, { timeout: 30_000 }).toBe(true)
  await served.start()
  expect(await supervisor.wait(ended)).toMatchObject({ exitCode: 9 })
  expect(isAlive(await supervisor.awaitPid(begun))).toBe(true)
  await supervisor.kill(begun, 'SIGKILL')
  expect(await supervisor.wait(begun)).toMatchObject({ exitCode: 137 })
})

it('finds the shim of an exec that was not written down, and ends an exec whose shim was killed', async () => {
  const task = world.task(['sleep', '1000'])
  await run(task)
  const [unwritten, orphan] = [world.exec(task, ['sleep', '1000']), world.exec(task, ['sleep', '1000'])]
  const shim = await supervisor.startExec(unwritten)
  await supervisor.awaitPid(unwritten)
  const { pid } = await supervisor.startExec(orphan)
  const first = await supervisor.awaitPid(orphan)
  await served.kill()
  rmSync(world.file(task.id, 'shim', unwritten.execId))
  process.kill(pid, 'SIGKILL')
  await served.start()
  expect(await supervisor.execs(task.id)).toContainEqual(
    expect.objectContaining({ execId: unwritten.execId, shim }),
  )
  expect(await supervisor.wait(orphan)).toMatchObject({ exitCode: 255, reason: 'the shim was killed' })
  expect(isAlive(first)).toBe(false)
})

it('clears an exec that was never begun and starts in spite of a damaged one', async () => {
  const task = world.task(['sleep', '1000'])
  await run(task)
  const [unfinished, unspawned] = [world.exec(task, 'true'), world.exec(task, 'exit 6')]
  await served.kill()
  for (const { execId } of [unfinished, unspawned]) mkdirSync(dirname(world.file(task.id, 'x', execId)))
  writeFileSync(world.file(task.id, 'exec.json', unspawned.execId), JSON.stringify(unspawned))
  writeFileSync(join(world.options.root, task.id, 'stray file'), '')
  await served.start()
  expect(await supervisor.execs(task.id)).toEqual([])
  await supervisor.startExec(unspawned)
  expect(await supervisor.wait(unspawned)).toMatchObject({ exitCode: 6 })
})
