/** What every supervisor promises of execs, in this process and over gRPC: one suite for both. */
import { existsSync, readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, test as it } from 'vitest'
import { openFifoReader, openFifoWriter } from '../../../src/kernel/fifo.ts'
import { isAlive } from '../../../src/kernel/process-identity.ts'
import type { ExecSpec, Supervisor, TaskSpec } from '../../../src/supervisor/port.ts'
import { implementations } from './implementations.ts'
import { failure, openForSuite } from './suite.ts'
import { buildShim, type Config, type TaskOptions, type World } from './world.ts'

beforeAll(buildShim)

describe.each(implementations)('a supervisor %s', (_, open) => {
  let world: World
  let supervisor: Supervisor
  const started = openForSuite(open, (given) => {
    ;({ world, supervisor } = given)
  })

  async function running(options: TaskOptions = {}): Promise<TaskSpec> {
    const task = world.task(['sleep', '1000'], options)
    started.push(task.id)
    await supervisor.startShim(task)
    await supervisor.awaitPid(task.id)
    await supervisor.startProcess(task.id)
    return task
  }

  async function run(exec: ExecSpec) {
    await supervisor.startExec(exec)
    return supervisor.awaitPid(exec)
  }

  it('runs an exec to its end and tells its exit code, with its files on disk meanwhile', async () => {
    const task = await running()
    const exec = world.exec(task, 'sleep 0.2; exit 7')
    const shim = await supervisor.startExec(exec)
    expect(isAlive(shim)).toBe(true)
    const process = await supervisor.awaitPid(exec)
    const file = (name: string) => world.file(task.id, name, exec.execId)
    expect(readFileSync(file('pid'), 'utf8')).toBe(String(process.pid))
    expect(readFileSync(file('starttime'), 'utf8')).toBe(process.startTicks)
    expect(JSON.parse(readFileSync(file('process.json'), 'utf8'))).toMatchObject({
      cwd: '/',
      terminal: false,
    })
    for (const name of ['control', 'exit']) expect(existsSync(file(name))).toBe(true)
    const { id, execId, runId } = exec
    const state = { id, execId, runId, status: 'running', shim, process, exit: null }
    expect(await supervisor.execs(id)).toEqual([state])
    const exit = await supervisor.wait(exec)
    expect(exit).toMatchObject({ exitCode: 7, oomKilled: false })
    expect(await supervisor.execs(id)).toEqual([{ ...state, status: 'stopped', exit }])
    expect(await supervisor.task(id)).toMatchObject({ status: 'running' })
    await supervisor.delete(exec)
    await supervisor.delete(exec)
    expect(await supervisor.execs(id)).toEqual([])
    expect(world.remains(execId)).toEqual([])
  })

  it('answers a step that was done before as it did then', async () => {
    const task = await running()
    const exec = world.exec(task, 'echo once; sleep 1000', { streams: ['stdout'] })
    const output = text(openFifoReader(exec.stdio.stdout ?? ''))
    const shim = await supervisor.startExec(exec)
    expect(await supervisor.startExec(exec)).toEqual(shim)
    const process = await supervisor.awaitPid(exec)
    expect(await supervisor.awaitPid(exec)).toEqual(process)
    await supervisor.kill(exec, 'SIGKILL')
    expect(await supervisor.wait(exec)).toMatchObject({ exitCode: 137 })
    expect(await supervisor.startExec(exec)).toEqual(shim)
    expect(['once\n', '']).toContain(await output)
  })

  it('carries what the process reads and writes, and closes its stdin', async () => {
    const task = await running()
    const exec = world.exec(task, 'cat; echo oops >&2', { streams: ['stdin', 'stdout', 'stderr'] })
    const output = text(openFifoReader(exec.stdio.stdout ?? ''))
    const errors = text(openFifoReader(exec.stdio.stderr ?? ''))
    await run(exec)
    const input = openFifoWriter(exec.stdio.stdin ?? '')
    input.end('hello\n')
    await supervisor.closeStdin(exec)
    expect(await output).toBe('hello\n')
    expect(await errors).toBe('oops\n')
    expect(await supervisor.wait(exec)).toMatchObject({ exitCode: 0 })
    expect(world.output(task.id)).toBe('')
  })

  it('gives it a terminal of the wanted size and resizes it', async () => {
    const task = await running()
    const script = 'stty size; trap "stty size; exit 4" WINCH; echo ready; while true; do sleep 0.01; done'
    const exec = world.exec(task, script, { terminal: true, streams: ['stdout'] })
    const reader = openFifoReader(exec.stdio.stdout ?? '')
    let output = ''
    reader.on('data', (chunk) => {
      output += String(chunk)
    })
    await run({ ...exec, consoleSize: { width: 90, height: 20 } })
    await expect.poll(() => output, { timeout: 30_000 }).toBe('20 90\r\nready\r\n')
    await supervisor.resize(exec, { width: 70, height: 30 })
    expect(await supervisor.wait(exec)).toMatchObject({ exitCode: 4 })
    await expect.poll(() => output, { timeout: 30_000 }).toBe('20 90\r\nready\r\n30 70\r\n')
  })

  it('gives a task a terminal of the wanted size', async () => {
    const adapt = (config: Config) => {
      config.process.terminal = true
    }
    const task = world.task('stty size', { adapt })
    started.push(task.id)
    await supervisor.startShim({ ...task, terminal: true, consoleSize: { width: 61, height: 17 } })
    await supervisor.awaitPid(task.id)
    await supervisor.startProcess(task.id)
    await supervisor.wait(task.id)
    expect(world.output(task.id)).toBe('17 61\r\n')
  })

  it('copies the output to who attaches late', async () => {
    const task = await running()
    const exec = world.exec(task, 'read x; echo got $x', { streams: ['stdin', 'stdout'] })
    await run(exec)
    const output = text(openFifoReader(exec.stdio.stdout ?? ''))
    await supervisor.attachOutput(exec)
    openFifoWriter(exec.stdio.stdin ?? '').end('one\n')
    expect(await supervisor.wait(exec)).toMatchObject({ exitCode: 0 })
    expect(await output).toBe('got one\n')
  })

  it.each([
    [['nope'], 127, 'exec: "nope": executable file not found in $PATH: unknown'],
    [['/proc'], 126, 'exec: "/proc": permission denied: unknown'],
    [['/nosuch'], 127, 'exec: "/nosuch": stat /nosuch: no such file or directory: unknown'],
  ] as const)('says why %s can not be run, as Docker does', async (args, exitCode, words) => {
    const task = await running()
    const exec = world.exec(task, args)
    const error = await failure(run(exec))
    expect(error).toMatchObject({ exitCode, code: 'bad-request', step: 'awaitPid' })
    expect(error.message).toBe(
      `OCI runtime exec failed: exec failed: unable to start container process: ${words}`,
    )
    await supervisor.delete(exec)
    expect(world.remains(exec.execId)).toEqual([])
  })

  it('refuses a task that does not run, is paused, is of another run or is unknown', async () => {
    const created = world.task('true')
    started.push(created.id)
    await supervisor.startShim(created)
    await supervisor.awaitPid(created.id)
    const refusal = (exec: ExecSpec) => failure(supervisor.startExec(exec))
    expect(await refusal(world.exec(created, 'true'))).toMatchObject({ code: 'conflict' })
    await supervisor.startProcess(created.id)
    await supervisor.wait(created.id)
    expect(await refusal(world.exec(created, 'true'))).toMatchObject({ code: 'conflict' })
    const task = await running()
    const exec = world.exec(task, 'true')
    expect(await refusal({ ...exec, runId: 'another' })).toMatchObject({ code: 'conflict' })
    await supervisor.pause(task.id)
    expect(await refusal(exec)).toMatchObject({ code: 'conflict' })
    expect(await supervisor.execs(task.id)).toEqual([])
    await supervisor.resume(task.id)
    expect(await refusal({ ...exec, id: 'f'.repeat(64) })).toMatchObject({ code: 'not-found' })
  })

  it('sends signals to an exec that runs and to no other', async () => {
    const task = await running()
    const script = 'trap "exit 3" USR1; echo ready; while true; do sleep 0.01; done'
    const exec = world.exec(task, script, { streams: ['stdout'] })
    const reader = openFifoReader(exec.stdio.stdout ?? '')
    const ready = new Promise((resolve) => reader.once('data', resolve))
    await run(exec)
    await ready
    await supervisor.kill(exec, 'SIGUSR1')
    expect(await supervisor.wait(exec)).toMatchObject({ exitCode: 3 })
    expect(await failure(supervisor.kill(exec, 'SIGTERM'))).toMatchObject({ code: 'not-found' })
    expect(await failure(supervisor.kill(exec, 'SIGNONE'))).toMatchObject({ code: 'bad-request' })
    expect(await supervisor.task(task.id)).toMatchObject({ status: 'running' })
  })

  it('deletes an exec that runs, and one that is still being started', async () => {
    const task = await running()
    const [living, beginning] = [world.exec(task, ['sleep', '1000']), world.exec(task, ['sleep', '1000'])]
    const process = await run(living)
    await supervisor.startExec(beginning)
    const pid = supervisor.awaitPid(beginning).catch(() => undefined)
    for (const exec of [beginning, living]) {
      await supervisor.delete(exec)
      expect(world.remains(exec.execId)).toEqual([])
    }
    await pid
    expect(isAlive(process)).toBe(false)
    expect(await supervisor.task(task.id)).toMatchObject({ status: 'running' })
  })

  it.each(['of its own', 'of the host'])(
    'ends execs with a container in a pid namespace %s, and deletes them with the task',
    async (which) => {
      const task = await running({
        adapt({ linux }) {
          if (which === 'of the host')
            linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'pid')
        },
      })
      const [first, second] = [world.exec(task, ['sleep', '1000']), world.exec(task, 'sleep 1000; true')]
      const processes = [await run(first), await run(second)]
      await supervisor.kill(task.id, 'SIGKILL')
      expect(await supervisor.wait(first)).toMatchObject({ exitCode: 137 })
      expect(await supervisor.wait(second)).toMatchObject({ exitCode: 137 })
      await supervisor.delete(task.id)
      expect(processes.map(isAlive)).toEqual([false, false])
      expect(world.remains(task.id)).toEqual([])
    },
  )

  it.each(['running', 'paused'])('deletes a %s task with all that is exec’d in it', async (how) => {
    const task = await running()
    const execs = [world.exec(task, ['sleep', '1000']), world.exec(task, 'sleep 1000 & sleep 1000')]
    for (const exec of execs) await run(exec)
    if (how === 'paused') await supervisor.pause(task.id)
    else await supervisor.startExec(world.exec(task, ['sleep', '1000']))
    await supervisor.delete(task.id)
    expect(world.remains(task.id)).toEqual([])
    expect(await failure(supervisor.execs(task.id))).toMatchObject({ code: 'not-found' })
  })

  it('ends an exec whose shim was killed, with 255 and the reason; the container goes on', async () => {
    const task = await running()
    const exec = world.exec(task, ['sleep', '1000'])
    const shim = await supervisor.startExec(exec)
    const first = await supervisor.awaitPid(exec)
    process.kill(shim.pid, 'SIGKILL')
    expect(await supervisor.wait(exec)).toMatchObject({ exitCode: 255, reason: 'the shim was killed' })
    expect(isAlive(first)).toBe(false)
    expect(await supervisor.task(task.id)).toMatchObject({ status: 'running', exit: null })
  })

  it('runs fifty at once', async () => {
    const task = await running()
    const execs = Array.from({ length: 50 }, (_, code) => world.exec(task, `exit ${code}`))
    const codes = await Promise.all(
      execs.map(async (exec) => {
        await run(exec)
        return (await supervisor.wait(exec)).exitCode
      }),
    )
    expect(codes).toEqual(execs.map((_, code) => code))
    await Promise.all(execs.map((exec) => supervisor.delete(exec)))
    expect(await supervisor.execs(task.id)).toEqual([])
  })

  it('answers for execs that are not known, and keeps their ids inside the task’s directory', async () => {
    const task = await running()
    const unknown = world.exec(task, 'true')
    expect(await supervisor.wait(unknown)).toMatchObject({
      exitCode: 255,
      reason: `no exec ${unknown.execId} of task ${task.id} is known`,
    })
    await supervisor.delete(unknown)
    for (const step of [supervisor.awaitPid(unknown), supervisor.closeStdin(unknown)])
      expect(await failure(step)).toMatchObject({ code: 'not-found' })
    for (const execId of ['init', '../escape', ''])
      expect(await failure(supervisor.startExec({ ...unknown, execId }))).toMatchObject({
        code: 'bad-request',
      })
  })
})
