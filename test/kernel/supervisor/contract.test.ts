/** What every supervisor promises, in this process and over gRPC: one suite for both. */
import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test as it } from 'vitest'
import { isAlive } from '../../../src/kernel/process-identity.ts'
import type { Supervisor, SupervisorEvent, TaskSpec } from '../../../src/supervisor/port.ts'
import { implementations } from './implementations.ts'
import { failure, openForSuite } from './suite.ts'
import { buildShim, type World } from './world.ts'

beforeAll(buildShim)

describe.each(implementations)('a supervisor %s', (_, open) => {
  let world: World
  let supervisor: Supervisor
  const started = openForSuite(open, (given) => {
    ;({ world, supervisor } = given)
  })

  async function startShim(task: TaskSpec) {
    started.push(task.id)
    return supervisor.startShim(task)
  }

  async function run(task: TaskSpec) {
    await startShim(task)
    const process = await supervisor.awaitPid(task.id)
    await supervisor.startProcess(task.id)
    return process
  }

  it('runs a task to its end and tells its exit code, with its files on disk meanwhile', async () => {
    const task = world.task('echo hello; exit 7')
    const shim = await startShim(task)
    expect(isAlive(shim)).toBe(true)
    const { pid, startTicks } = await supervisor.awaitPid(task.id)
    expect(readFileSync(world.file(task.id, 'pid'), 'utf8')).toBe(String(pid))
    expect(readFileSync(world.file(task.id, 'starttime'), 'utf8')).toBe(startTicks)
    expect(JSON.parse(readFileSync(world.file(task.id, 'process.json'), 'utf8'))).toMatchObject({ cwd: '/' })
    for (const name of ['control', 'exit', 'shim-log.json'])
      expect(existsSync(world.file(task.id, name))).toBe(true)
    expect(await supervisor.task(task.id)).toMatchObject({
      status: 'created',
      process: { pid },
      oomKilled: false,
      exit: null,
      shim,
    })
    const { startedAt } = await supervisor.startProcess(task.id)
    const exit = await supervisor.wait(task.id)
    expect(exit).toMatchObject({ exitCode: 7, oomKilled: false })
    expect(exit.exitedAt >= startedAt).toBe(true)
    expect(world.output(task.id)).toBe('hello\n')
    expect(await supervisor.task(task.id)).toMatchObject({ runId: task.runId, status: 'stopped', exit })
  })

  it('never tells an end before the start, however short the task', async () => {
    for (let time = 0; time < 20; time += 1) {
      const { id, ...task } = world.task('true')
      await startShim({ id, ...task })
      await supervisor.awaitPid(id)
      const { startedAt } = await supervisor.startProcess(id)
      const { exitedAt } = await supervisor.wait(id)
      expect(exitedAt >= startedAt, `${startedAt} to ${exitedAt}`).toBe(true)
      await supervisor.delete(id)
    }
  })

  it('deletes what is left, once or more often, also of a running task', async () => {
    const ended = world.task('true')
    const running = world.task('sleep 1000')
    await run(ended)
    await supervisor.wait(ended.id)
    const process = await run(running)
    for (const { id } of [ended, running]) {
      await Promise.all([supervisor.delete(id), supervisor.delete(id)])
      await supervisor.delete(id)
      expect(world.remains(id)).toEqual([])
      expect(await supervisor.task(id)).toBeUndefined()
    }
    expect(isAlive(process)).toBe(false)
  })

  it('answers a step that was done before as it did then', async () => {
    const task = world.task('echo once; sleep 1000')
    const shim = await startShim(task)
    expect(await supervisor.startShim(task)).toEqual(shim)
    const process = await supervisor.awaitPid(task.id)
    expect(await supervisor.awaitPid(task.id)).toEqual(process)
    const first = await supervisor.startProcess(task.id)
    expect(await supervisor.startProcess(task.id)).toEqual(first)
    await expect.poll(() => world.output(task.id)).toBe('once\n')
    await supervisor.kill(task.id, 'SIGKILL')
    await supervisor.wait(task.id)
    expect(await supervisor.startProcess(task.id)).toEqual(first)
    expect(world.output(task.id)).toBe('once\n')
  })

  it('refuses a second run of a task that is still there', async () => {
    const task = world.task('sleep 1000')
    await startShim(task)
    const error = await failure(supervisor.startShim({ ...task, runId: 'another' }))
    expect(error).toMatchObject({ code: 'already-exists' })
  })

  it('sends signals by name and by number', async () => {
    const task = world.task(
      'trap "echo term" TERM; trap "exit 3" USR1; echo ready; while true; do sleep 0.01; done',
    )
    await run(task)
    await expect.poll(() => world.output(task.id)).toContain('ready')
    await supervisor.kill(task.id, 'SIGTERM')
    await expect.poll(() => world.output(task.id)).toContain('term')
    await supervisor.kill(task.id, '10')
    expect(await supervisor.wait(task.id)).toMatchObject({ exitCode: 3 })
    expect(await failure(supervisor.kill(task.id, 'SIGTERM'))).toMatchObject({ code: 'not-found' })
    expect(await failure(supervisor.kill(task.id, 'SIGNONE'))).toMatchObject({ code: 'bad-request' })
  })

  it('tells a process that a signal ended by 128 and the signal', async () => {
    const task = world.task(['sleep', '1000'])
    await run(task)
    await supervisor.kill(task.id, 'SIGKILL')
    expect(await supervisor.wait(task.id)).toMatchObject({ exitCode: 137 })
  })

  it('pauses and resumes, and a paused task can be killed', async () => {
    const task = world.task(['sleep', '1000'])
    await run(task)
    const seen: SupervisorEvent[] = []
    const stop = new AbortController()
    const reading = collect(supervisor.events(stop.signal), seen)
    await supervisor.version()
    await supervisor.pause(task.id)
    await supervisor.pause(task.id)
    expect(await supervisor.task(task.id)).toMatchObject({ status: 'paused' })
    await supervisor.resume(task.id)
    expect(await supervisor.task(task.id)).toMatchObject({ status: 'running' })
    await supervisor.pause(task.id)
    await supervisor.kill(task.id, 'SIGKILL')
    expect(await supervisor.wait(task.id)).toMatchObject({ exitCode: 137 })
    const about = { id: task.id, runId: task.runId }
    const told = ['paused', 'resumed', 'paused'].map((type) => ({ type, ...about }))
    await expect.poll(() => seen.slice(seen[0]?.type === 'resumed' ? 1 : 0)).toEqual(told)
    stop.abort()
    await reading
  })

  it.each([
    [
      ['nosuchcommand'],
      127,
      'bad-request',
      'exec: "nosuchcommand": executable file not found in $PATH: unknown',
    ],
    [['/proc'], 126, 'bad-request', 'exec: "/proc": permission denied: unknown'],
    [['/nosuch'], 127, 'bad-request', 'exec: "/nosuch": stat /nosuch: no such file or directory: unknown'],
  ] as const)('says why %s can not be run, as Docker does', async (args, exitCode, code, words) => {
    const task = world.task(args)
    await startShim(task)
    const error = await failure(supervisor.awaitPid(task.id))
    expect(error).toMatchObject({ exitCode, code, step: 'awaitPid' })
    expect(error.message).toBe(
      `failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ${words}`,
    )
    expect(error.detail).toContain('"level":"error"')
    await supervisor.delete(task.id)
    expect(world.remains(task.id)).toEqual([])
  })

  it('says which runtime is missing', async () => {
    const task = world.task('true', { runtime: '/nowhere/runc' })
    await startShim(task)
    const error = await failure(supervisor.awaitPid(task.id))
    expect(error).toMatchObject({ exitCode: 128, code: 'internal' })
    expect(error.message).toContain('/nowhere/runc')
    expect(error.message).toContain('No such file or directory')
  })

  it('tells an OOM kill before and with the exit', async () => {
    const task = world.task(['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=128M', 'count=1'], {
      adapt: (config) => {
        config.linux.resources.memory = { limit: 32 * 1024 * 1024, swap: 32 * 1024 * 1024 }
      },
    })
    const seen: SupervisorEvent[] = []
    const stop = new AbortController()
    const reading = collect(supervisor.events(stop.signal), seen)
    await supervisor.version()
    await run(task)
    expect(await supervisor.wait(task.id)).toMatchObject({ exitCode: 137, oomKilled: true })
    expect(seen).toContainEqual({ type: 'oom', id: task.id, runId: task.runId })
    stop.abort()
    await reading
  })

  it.each(['running', 'paused'])(
    'ends a %s container whose shim was killed, with 255 and the reason',
    async (how) => {
      const task = world.task('sleep 1000 & sleep 1000')
      const shim = await startShim(task)
      const first = await supervisor.awaitPid(task.id)
      await supervisor.startProcess(task.id)
      if (how === 'paused') await supervisor.pause(task.id)
      process.kill(shim.pid, 'SIGKILL')
      const exit = await supervisor.wait(task.id)
      expect(exit).toMatchObject({ exitCode: 255, oomKilled: false, reason: 'the shim was killed' })
      expect(isAlive(first)).toBe(false)
      await supervisor.delete(task.id)
      expect(world.remains(task.id)).toEqual([])
    },
  )

  it('deletes a task whose container is still being created', async () => {
    const task = world.task('sleep 1000', { runtime: world.script('sleep 0.2; exec runc "$@"') })
    await startShim(task)
    const pid = failure(supervisor.awaitPid(task.id))
    await supervisor.delete(task.id)
    expect(await pid).toMatchObject({ exitCode: 128 })
    expect(world.remains(task.id)).toEqual([])
  })

  it('deletes what a killed runtime left, though the runtime knows nothing of it', async () => {
    const runtime = world.script(`
      case "$*" in *" create "*) ;; *) exec runc "$@" ;; esac
      runc "$@"
      for last; do :; done
      root=$(dirname "$(find "${world.options.runtimeRoot}" -name state.json -path "*$last*")")
      rm "$root/state.json"
      for file in /sys/fs/cgroup/*/supervisor-test-*/"$last"/freezer.state; do echo FROZEN > "$file"; done
      for file in /sys/fs/cgroup/*/supervisor-test-*/"$last"/cgroup.freeze; do echo 1 > "$file"; done
      kill -9 $$`)
    const task = world.task('sleep 1000', { runtime })
    await startShim(task)
    await supervisor.awaitPid(task.id).catch(() => undefined)
    await supervisor.delete(task.id)
    expect(world.remains(task.id)).toEqual([])
  })

  it('deletes a task whose control group is named so that it might be another’s', async () => {
    const task = world.task('sleep 1000 & sleep 1000', {
      adapt: (config) => {
        config.linux.cgroupsPath += '-odd'
      },
    })
    const first = await run(task)
    await supervisor.delete(task.id)
    expect(isAlive(first)).toBe(false)
    expect(world.remains(task.id)).toEqual([])
  })

  it('runs twenty tasks at once', async () => {
    const tasks = Array.from({ length: 20 }, (_, code) => world.task(`exit ${code}`))
    const codes = await Promise.all(
      tasks.map(async (task) => {
        await run(task)
        return (await supervisor.wait(task.id)).exitCode
      }),
    )
    expect(codes).toEqual(tasks.map((_, code) => code))
    const ids = (await supervisor.tasks()).map(({ id }) => id)
    expect(ids).toEqual(expect.arrayContaining(tasks.map(({ id }) => id)))
    await Promise.all(tasks.map(({ id }) => supervisor.delete(id)))
    expect(tasks.flatMap(({ id }) => world.remains(id))).toEqual([])
  })

  it('waits for many tasks without holding the threads that files are read with', async () => {
    const tasks = Array.from({ length: 10 }, () => world.task(['sleep', '1000']))
    await Promise.all(tasks.map(run))
    const stop = new AbortController()
    const waits = tasks.map(({ id }) => supervisor.wait(id, stop.signal).catch(() => 'aborted'))
    expect(await readFile('/proc/self/comm', 'utf8')).not.toBe('')
    expect(await Promise.all(tasks.map(({ id }) => supervisor.task(id)))).toHaveLength(10)
    stop.abort()
    expect(new Set(await Promise.all(waits))).toEqual(new Set(['aborted']))
  })

  it('lists its processes, says what it uses and changes its limits while it runs', async () => {
    const task = world.task('sleep 1000 & sleep 1000', {
      adapt: (config) => {
        config.linux.resources.memory = { limit: 64 * 1024 * 1024, swap: 64 * 1024 * 1024 }
      },
    })
    const { pid } = await run(task)
    await expect.poll(() => supervisor.processes(task.id)).toHaveLength(2)
    expect((await supervisor.processes(task.id))[0]).toBe(pid)
    const before = await supervisor.stats(task.id)
    expect(before).toMatchObject({ pids: { current: 2, limit: null }, memory: { limit: 64 * 1024 * 1024 } })
    expect(before.memory.usage).toBeGreaterThan(0)
    expect(before.cpu.total).toBeGreaterThan(0)
    expect(Object.keys(before.memory.stat).length).toBeGreaterThan(10)
    const memory = { limit: 32 * 1024 * 1024, swap: 32 * 1024 * 1024 }
    await supervisor.update(task.id, { memory, pids: { limit: 77 } })
    await supervisor.update(task.id, { memory, pids: { limit: 77 } })
    const after = await supervisor.stats(task.id)
    expect(after).toMatchObject({ pids: { limit: 77 }, memory: { limit: 32 * 1024 * 1024 } })
    const error = await failure(supervisor.update(task.id, { memory: { limit: 4096 } }))
    expect(error.message).toMatch(/^OCI runtime update failed: .*: unknown$/s)
    await supervisor.kill(task.id, 'SIGKILL')
    await supervisor.wait(task.id)
    expect(await failure(supervisor.stats(task.id))).toMatchObject({ code: 'not-found' })
    expect(await failure(supervisor.update(task.id, { memory }))).toMatchObject({ code: 'not-found' })
    expect(await supervisor.processes(task.id)).toEqual([])
  })

  it('answers for tasks that are not known', async () => {
    const unknown = 'f'.repeat(64)
    expect(await supervisor.wait(unknown)).toMatchObject({
      exitCode: 255,
      reason: `no task ${unknown} is known`,
    })
    expect(await supervisor.task(unknown)).toBeUndefined()
    await supervisor.delete(unknown)
    for (const step of [
      supervisor.awaitPid(unknown),
      supervisor.startProcess(unknown),
      supervisor.pause(unknown),
      supervisor.execs(unknown),
      supervisor.stats(unknown),
    ])
      expect(await failure(step)).toMatchObject({ code: 'not-found' })
  })

  it('keeps ids inside its directory', async () => {
    const task = { ...world.task('true'), id: '../../escape' }
    expect(await failure(supervisor.startShim(task))).toMatchObject({ code: 'bad-request' })
  })

  it('names its version', async () => {
    expect((await supervisor.version()).version).toMatch(/^\d+\.\d+\.\d+/)
  })
})

async function collect(events: AsyncIterable<SupervisorEvent>, into: SupervisorEvent[]): Promise<void> {
  for await (const event of events) into.push(event)
}
