import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { build, shims } from './build.ts'
import { Exec } from './exec.ts'
import { FifoWriter } from './fifo.ts'
import { Task } from './task.ts'
import { until } from './until.ts'

beforeAll(build)

describe.each(shims)('%s for an exec', (shim) => {
  const container = () => new Task({ shim, args: ['sleep', '1000'] })

  it('tells each milestone and leaves the exit status, but no log and nothing of OOM', async () => {
    await using task = container()
    await task.start()
    await using exec = new Exec(task, {
      shim,
      script: 'echo hello; echo oops >&2; exit 7',
      readers: ['stdout', 'stderr'],
    })
    expect(await exec.run()).toMatchObject({ exitCode: 7, oomKilled: false })
    expect(exec.lines()).toEqual(['ready', `pid ${exec.file('pid')}`, 'exited 7'])
    expect(exec.received('stdout')).toBe('hello\n')
    expect(exec.received('stderr')).toBe('oops\n')
    expect(exec.file('shim-log.json')).toBe('')
    expect(task.rawLog()).toBe('')
    expect(task.file('exit-status')).toBeUndefined()
  })

  it('runs in the namespaces of the container and is the parent of the process', async () => {
    await using task = container()
    const first = await task.start()
    await using exec = new Exec(task, { shim, args: ['sleep', '1000'] })
    const pid = await exec.pid()
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]).toBe(
      String(exec.process.pid),
    )
    expect(readFileSync(`/proc/${pid}/cgroup`, 'utf8')).toBe(readFileSync(`/proc/${first}/cgroup`, 'utf8'))
    process.kill(pid, 'SIGTERM')
    expect(await exec.run()).toMatchObject({ exitCode: 143 })
  })

  it('ends with the container', async () => {
    await using task = container()
    const first = await task.start()
    await using exec = new Exec(task, { shim, args: ['sleep', '1000'] })
    await exec.pid()
    process.kill(first, 'SIGKILL')
    expect(await exec.run()).toMatchObject({ exitCode: 137 })
  })

  it('reaches stdin until it is closed', async () => {
    await using task = container()
    await task.start()
    await using exec = new Exec(task, { shim, script: 'cat; echo end', stdin: true, readers: ['stdout'] })
    await exec.pid()
    writeFileSync(exec.fifo('stdin'), 'one ')
    await until(() => exec.received('stdout') === 'one ')
    writeFileSync(exec.fifo('stdin'), 'two ')
    exec.control.write('0 0 0\n')
    expect(await exec.run()).toMatchObject({ exitCode: 0 })
    expect(exec.received('stdout')).toBe('one two end\n')
  })

  it('carries 10 MiB of anything both ways, byte for byte', async () => {
    await using task = container()
    await task.start()
    const bytes = randomBytes(10 * 1024 * 1024)
    await using exec = new Exec(task, { shim, args: ['cat'], stdin: true, readers: ['stdout'] })
    await exec.pid()
    {
      using writer = new FifoWriter(exec.fifo('stdin'), 'write')
      let at = 0
      await until(() => {
        at += writer.offer(bytes.subarray(at, at + 65536))
        return exec.received('stdout').length >= 0 && at === bytes.length
      })
    }
    exec.control.write('0 0 0\n')
    await until(() => exec.received('stdout').length === bytes.length)
    expect(await exec.run()).toMatchObject({ exitCode: 0 })
    expect(Buffer.from(exec.received('stdout'), 'latin1').equals(bytes)).toBe(true)
  })

  it('gives the process a terminal that can be typed into and resized', async () => {
    await using task = container()
    await task.start()
    const script = 'trap "stty size; exit 4" WINCH; echo ready; while true; do sleep 0.01; done'
    await using exec = new Exec(task, { shim, script, terminal: true, readers: ['stdout'] })
    await until(() => exec.received('stdout') === 'ready\r\n')
    exec.control.write('1 70 30\n')
    expect(await exec.run()).toMatchObject({ exitCode: 4 })
    expect(exec.received('stdout')).toBe('ready\r\n30 70\r\n')
  })

  it.each(['nope', '/no/such/program', '/proc'])('says why %s can not be run', async (command) => {
    await using task = container()
    await task.start()
    await using exec = new Exec(task, { shim, args: [command] })
    await exec.hungUp()
    expect(exec.lines()).toEqual(['ready', 'failed'])
    expect(exec.shimErrors()).toMatchObject([{ step: 'runc exec', msg: expect.stringContaining(command) }])
    expect(exec.file('log.json')).toContain(
      `exec failed: unable to start container process: exec: \\"${command}\\"`,
    )
    expect(exec.file('exit-status')).toBeUndefined()
  })

  it('says that there is nothing to exec in', async () => {
    await using task = container()
    const first = await task.start()
    process.kill(first, 'SIGKILL')
    await task.hungUp()
    await using exec = new Exec(task, { shim })
    await exec.hungUp()
    expect(exec.file('log.json')).toContain('stopped')
  })

  it('runs fifty at once', async () => {
    await using task = container()
    await task.start()
    const execs = Array.from({ length: 50 }, (_, code) => new Exec(task, { shim, script: `exit ${code}` }))
    const codes = await Promise.all(execs.map(async (exec) => (await exec.run()).exitCode))
    expect(codes).toEqual(execs.map((_, code) => code))
    for (const exec of execs) await exec[Symbol.asyncDispose]()
  })

  it('does not stay for what the process left running in the background', async () => {
    await using task = container()
    await task.start()
    await using exec = new Exec(task, { shim, script: 'sleep 1000 & echo $!', readers: ['stdout'] })
    expect(await exec.run()).toMatchObject({ exitCode: 0 })
    expect(existsSync(`/proc/${exec.process.pid}/exe`)).toBe(false)
  })
})
