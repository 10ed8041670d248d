/** The real `ctr` on tasks that our engine started. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test as it } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { serveSupervisor } from '../../../src/supervisor/grpc/server.ts'
import { openSupervisor } from '../../../src/supervisor/local.ts'
import type { LocalSupervisor } from '../../../src/supervisor/local-port.ts'
import { buildShim, World } from './world.ts'

let world: World
let supervisor: LocalSupervisor
let server: AsyncDisposable

beforeAll(async () => {
  buildShim()
  world = new World()
  supervisor = await openSupervisor(world.options)
  server = await serveSupervisor(supervisor, { socket: world.socket, logger: world.options.logger })
})

afterAll(async () => {
  for (const { id } of await supervisor.tasks()) await supervisor.delete(id)
  await server[Symbol.asyncDispose]()
  await supervisor[Symbol.asyncDispose]()
  world[Symbol.dispose]()
})

interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function ctrIn(namespace: string, ...args: readonly string[]): Promise<Answer> {
  return new Promise((resolve) => {
    const words = ['--address', world.socket, '--namespace', namespace, ...args]
    const child = execFile('ctr', words, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

const ctr = (...args: readonly string[]): Promise<Answer> => ctrIn('moby', ...args)

async function running(script: string): Promise<{ id: string; pid: number }> {
  const task = world.task(script)
  await supervisor.startShim(task)
  const { pid } = await supervisor.awaitPid(task.id)
  await supervisor.startProcess(task.id)
  return { id: task.id, pid }
}

/** The state that `ctr tasks ls` shows of a task. */
async function listed(id: string): Promise<string | undefined> {
  const { stdout } = await ctr('tasks', 'ls')
  return stdout
    .split('\n')
    .find((line) => line.startsWith(id))
    ?.split(/\s+/)[2]
}

it('lists tasks and their processes', async () => {
  const { id, pid } = await running('sleep 1000 & sleep 1000')
  expect(await listed(id)).toBe('RUNNING')
  await expect.poll(() => supervisor.processes(id)).toHaveLength(2)
  const { stdout } = await ctr('tasks', 'ps', id)
  const pids = stdout
    .split('\n')
    .slice(1, -1)
    .map((line) => Number(line.split(/\s+/)[0]))
  expect(pids).toEqual(await supervisor.processes(id))
  expect(pids[0]).toBe(pid)
})

it('lists containers and shows what they were made from', async () => {
  const { id } = await running('sleep 1000')
  expect((await ctr('containers', 'ls', '--quiet')).stdout).toContain(id)
  expect((await ctr('containers', 'ls', `id==${id}`)).stdout).toContain(id)
  expect((await ctr('containers', 'ls', 'id==another')).stdout).not.toContain(id)
  const info = JSON.parse((await ctr('containers', 'info', id)).stdout) as Record<string, unknown>
  expect(info).toMatchObject({
    ID: id,
    Runtime: { Name: 'runc' },
    Spec: { process: { args: ['sh', '-c', 'sleep 1000'] } },
  })
})

it('pauses and resumes', async () => {
  const { id } = await running('sleep 1000')
  expect(await ctr('tasks', 'pause', id)).toMatchObject({ code: 0 })
  expect(await listed(id)).toBe('PAUSED')
  expect(await ctr('tasks', 'resume', id)).toMatchObject({ code: 0 })
  expect(await listed(id)).toBe('RUNNING')
})

it('kills, and deletes only what has stopped', async () => {
  const { id } = await running('trap "exit 5" TERM; while true; do sleep 0.01; done')
  const refused = await ctr('tasks', 'rm', id)
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toContain('task must be stopped before deletion')
  expect(await ctr('tasks', 'kill', id)).toMatchObject({ code: 0 })
  expect(await supervisor.wait(id)).toMatchObject({ exitCode: 5 })
  expect(await listed(id)).toBe('STOPPED')
  await ctr('tasks', 'rm', id)
  expect(world.remains(id)).toEqual([])
})

it('kills all processes of a task', async () => {
  const { id } = await running('sleep 1000 & sleep 1000')
  await ctr('tasks', 'kill', '--all', '--signal', 'SIGKILL', id)
  expect(await supervisor.wait(id)).toMatchObject({ exitCode: 137 })
  expect(await supervisor.processes(id)).toEqual([])
})

it('execs: with output, exit code and nothing left', async () => {
  const { id } = await running('sleep 1000')
  const words = ['tasks', 'exec', '--exec-id', 'probe', '--fifo-dir', world.execRoot, id]
  const answer = await ctr(...words, 'sh', '-c', 'echo hello; echo oops >&2; exit 5')
  expect(answer).toEqual({ code: 5, stdout: 'hello\n', stderr: 'oops\n' })
  expect(await supervisor.execs(id)).toEqual([])
  expect((await ctr(...words, 'nosuchcommand')).stderr).toContain(
    'OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuchcommand"',
  )
  expect((await ctr(...words, 'sh', '-c', 'exit 6')).code).toBe(6)
})

it('execs detached, and signals and lists what it has exec’d', async () => {
  const { id } = await running('sleep 1000')
  const words = ['tasks', 'exec', '--detach', '--exec-id', 'probe', '--fifo-dir', world.execRoot, id]
  expect(await ctr(...words, 'sleep', '1000')).toMatchObject({ code: 0 })
  await expect.poll(() => supervisor.processes(id)).toHaveLength(2)
  expect((await ctr(...words, 'sleep', '1000')).stderr).toContain('already exists')
  expect(await ctr('tasks', 'kill', '--exec-id', 'probe', '--signal', 'SIGKILL', id)).toMatchObject({
    code: 0,
  })
  expect(await supervisor.wait({ id, execId: 'probe' })).toMatchObject({ exitCode: 137 })
})

it('measures', async () => {
  const { id } = await running('sleep 1000')
  const { stdout } = await ctr('tasks', 'metrics', '--format', 'json', id)
  const metrics = JSON.parse(stdout) as { pids: { current: number }; memory: { usage: { usage: number } } }
  expect(metrics.pids.current).toBe(1)
  expect(metrics.memory.usage.usage).toBeGreaterThan(0)
})

it('shows nothing in another namespace', async () => {
  const { id } = await running('sleep 1000')
  expect((await ctrIn('default', 'tasks', 'ls')).stdout).not.toContain(id)
  expect((await ctrIn('default', 'tasks', 'kill', id)).stderr).toContain('not found')
})

it('says what is not there and what is not served', async () => {
  expect((await ctr('tasks', 'pause', 'nosuch')).stderr).toContain('not found')
  expect((await ctr('images', 'ls')).stderr).toContain('not implemented')
})

it('names its version, plugins and namespace', async () => {
  const { version } = await supervisor.version()
  expect((await ctr('version')).stdout).toContain(version)
  expect((await ctr('plugins', 'ls')).stdout).toMatch(/io\.containerd\.grpc\.v1\s+tasks\s+-\s+ok/)
  expect((await ctr('namespaces', 'ls', '--quiet')).stdout).toBe('moby\n')
})

it('streams the events of a life, ours among them', async () => {
  const events = spawn('ctr', ['--address', world.socket, '--namespace', 'moby', 'events', 'topic~=^/tasks/'])
  const shown = text(events.stdout)
  await subscribed(events)
  const { id, pid } = await running('sleep 1000')
  await supervisor.pause(id)
  await supervisor.resume(id)
  await supervisor.kill(id, 'SIGKILL')
  await supervisor.wait(id)
  await supervisor.delete(id)
  await ctr('version')
  events.kill()
  const lines = (await shown).split('\n').filter((line) => line.includes(id))
  const seen = lines.map((line) => [
    /\/tasks\/\S+/.exec(line)?.[0],
    JSON.parse(line.slice(line.indexOf('{'))),
  ])
  const about = { container_id: id }
  expect(seen).toEqual([
    ['/tasks/shim-started', { id, labels: { 'run-id': expect.any(String), 'shim-pid': expect.any(String) } }],
    ['/tasks/pid-recorded', { id, labels: { 'run-id': expect.any(String), pid: String(pid) } }],
    ['/tasks/create', { ...about, pid, bundle: expect.stringContaining(id), io: {} }],
    ['/tasks/start', { ...about, pid }],
    ['/tasks/paused', about],
    ['/tasks/resumed', about],
    ['/tasks/exit', { ...about, id, pid, exit_status: 137, exited_at: expect.any(String) }],
    ['/tasks/delete', { ...about, id, pid, exit_status: 137, exited_at: expect.any(String) }],
  ])
})

/** ctr says nothing when it has subscribed, so tasks are started until it shows one. */
async function subscribed(events: ChildProcess): Promise<void> {
  const shown = once(events.stdout ?? events, 'data').then(() => true)
  for (let heard = false; !heard; ) {
    const { id } = await running('true')
    await supervisor.delete(id)
    heard = await Promise.race([shown, Promise.resolve(false)])
  }
}

it('refuses to serve where another supervisor does', async () => {
  const again = serveSupervisor(supervisor, {
    socket: world.socket,
    logger: world.options.logger,
    clock: systemClock,
  })
  await expect(again).rejects.toMatchObject({ code: 'conflict' })
  expect((await ctr('version')).code).toBe(0)
})
