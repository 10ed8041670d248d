import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { build, shims } from './build.ts'
import { Task } from './task.ts'
import { settled, until } from './until.ts'

beforeAll(build)

const stat = (pid: number): readonly string[] =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
const parentOf = (pid: number): number => Number(stat(pid)[1])
const childrenOf = (pid: number): string => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
/** Without 32 and 33, which glibc keeps for itself and ignores in what posix_spawn starts. */
function signalMask(pid: number, name: string): bigint {
  const mask = new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return BigInt(`0x${mask}`) & ~(3n << 31n)
}

describe.each(shims)('%s', (shim) => {
  it('tells each milestone and leaves the exit status, then hangs up', async () => {
    await using task = new Task({ shim, script: 'exit 7' })
    const pid = await task.start()
    await task.hungUp()
    expect(task.lines()).toEqual(['ready', `pid ${pid}`, 'exited 7'])
    expect(task.file('pid')).toBe(String(pid))
    expect(task.file('exit-status')).toMatch(
      /^\{"exitCode":7,"exitedAt":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z","oomKilled":false\}\n$/,
    )
    expect(task.file('shim-log.json')).toBe('')
    expect(readdirSync(task.directory).filter((name) => name.endsWith('.new'))).toEqual([])
  })

  it('reports a process ended by a signal as 128 and its number', async () => {
    await using task = new Task({ shim, args: ['sleep', '1000'] })
    const pid = await task.start()
    process.kill(pid, 'SIGKILL')
    expect(await task.ended()).toMatchObject({ exitCode: 137, oomKilled: false })
  })

  it('notices the end of a container that was created and never started', async () => {
    await using task = new Task({ shim })
    const pid = Number((await task.line(/^pid /)).slice(4))
    process.kill(pid, 'SIGKILL')
    await task.hungUp()
    expect(await task.ended()).toMatchObject({ exitCode: 137 })
  })

  it('is the parent of the container and gives it neither its ignored nor its blocked signals nor its files', async () => {
    await using task = new Task({ shim, args: ['sleep', '1000'] })
    const pid = await task.start()
    expect(parentOf(pid)).toBe(task.process.pid)
    await until(() => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n')
    expect(signalMask(pid, 'SigIgn')).toBe(0n)
    expect(signalMask(pid, 'SigBlk')).toBe(0n)
    expect(readdirSync(`/proc/${pid}/fd`)).toEqual(['0', '1', '2'])
    expect(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8')).toBe(
      readFileSync('/proc/self/oom_score_adj', 'utf8'),
    )
  })

  it('leads a session of its own, with the root as its directory and no file but its own', async () => {
    await using task = new Task({ shim, args: ['sleep', '1000'], parent: true })
    const pid = parentOf(await task.start())
    expect(Number(stat(pid)[3])).toBe(pid)
    expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('tally-shim\n')
    expect(readdirSync(`/proc/${pid}/fd`).length).toBeLessThan(16)
  })

  it('lives on through SIGTERM, SIGINT and SIGHUP', async () => {
    await using task = new Task({ shim, args: ['sleep', '1000'] })
    const pid = await task.start()
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGPIPE'] as const) task.process.kill(signal)
    process.kill(pid, 'SIGKILL')
    expect(await task.ended()).toMatchObject({ exitCode: 137 })
  })

  it('keeps the log growing when its parent is killed, and still records the end', async () => {
    await using task = new Task({
      shim,
      script: 'while read x; do echo got $x; done; exit 5',
      stdin: true,
      parent: true,
    })
    await task.start()
    task.process.kill('SIGKILL')
    await until(() => task.process.signalCode !== null)
    writeFileSync(task.fifo('stdin'), 'one\ntwo\n')
    await until(() => task.logged('stdout') === 'got one\ngot two\n')
    task.control.write('0 0 0\n')
    expect(await task.ended()).toMatchObject({ exitCode: 5 })
  })

  it('reaps orphans that were handed to it', async () => {
    const orphan = 'sh -c "sleep 0.2 & exec true"; sleep 1000'
    await using task = new Task({
      shim,
      script: orphan,
      adapt(config) {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
      },
    })
    const pid = await task.start()
    await until(() => childrenOf(parentOf(pid)).trim().split(' ').length === 2)
    await until(() => childrenOf(parentOf(pid)).trim() === String(pid))
    expect(task.file('exit-status')).toBeUndefined()
  })

  it('does not wait for a grandchild that outlives the container and holds its output open', async () => {
    await using task = new Task({
      shim,
      script: 'sleep 1000 & echo last words',
      adapt(config) {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
      },
    })
    expect(await task.run()).toMatchObject({ exitCode: 0 })
    expect(task.logged('stdout')).toBe('last words\n')
  })

  it('tells why the runtime could not create the container', async () => {
    await using task = new Task({ shim, args: ['/no/such/program'] })
    await task.hungUp()
    expect(task.lines()).toEqual(['ready', 'failed'])
    expect(task.shimErrors()).toMatchObject([
      {
        level: 'error',
        step: 'runc create',
        errno: 0,
        msg: expect.stringMatching(/^exit status 1: .*no such file/),
      },
    ])
    expect(task.file('log.json')).toContain('/no/such/program')
    expect(task.file('exit-status')).toBeUndefined()
    expect(task.rawLog()).toBe('')
    await until(() => task.process.exitCode === 1)
  })

  it('tells that the runtime can not be executed', async () => {
    await using task = new Task({ shim, runtime: '/no/such/runc' })
    await task.hungUp()
    expect(task.lines()).toEqual(['failed'])
    expect(task.shimErrors()).toMatchObject([
      { step: 'exec runtime', errno: 2, msg: '/no/such/runc: No such file or directory' },
    ])
  })

  it('tells which stream could not be opened', async () => {
    await using task = new Task({ shim, more: ['--stdout', '/no/such/fifo'] })
    await task.hungUp()
    expect(task.shimErrors()).toMatchObject([
      { step: 'open stdout', errno: 2, msg: '/no/such/fifo: No such file or directory' },
    ])
  })

  it.each(['--exec', '--unknown', '--stdin'])('refuses %s with a reason', async (option) => {
    await using task = new Task({ shim, more: [option] })
    await task.hungUp()
    expect(task.lines()).toEqual(['failed'])
    expect(task.shimErrors()).toMatchObject([{ step: 'read options' }])
    await until(() => task.process.exitCode === 2)
  })

  it('asks runc for systemd control groups if told so', async () => {
    const show = join(import.meta.dirname, 'show-arguments.sh')
    await using task = new Task({ shim, runtime: show, more: ['--systemd-cgroup'] })
    await task.hungUp()
    const [error] = task.shimErrors()
    expect(error?.msg).toBe(
      `exit status 9: --root ${task.root}/runtime --log ${task.directory}/log.json --log-format json --systemd-cgroup ` +
        `create --bundle ${task.root}/bundle --pid-file ${task.directory}/pid ${task.id}\n`,
    )
    expect(existsSync(join(task.directory, 'pid'))).toBe(false)
  })

  it('records an OOM kill of the first process', async () => {
    await using task = new Task({
      shim,
      args: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M'],
      adapt: limitMemory,
    })
    expect(await task.run()).toMatchObject({ exitCode: 137, oomKilled: true })
    expect(task.file('oom')).toBe('1\n')
    expect(task.lines().slice(2)).toEqual(['oom', 'exited 137'])
  })

  it('tells of an OOM kill of another process while the container runs on', async () => {
    const script = 'dd if=/dev/zero of=/dev/null bs=64M; cat; exit 4'
    await using task = new Task({ shim, script, stdin: true, adapt: limitMemory })
    await task.start()
    await task.line(/^oom$/)
    expect(task.file('oom')).toBe('1\n')
    expect(task.file('exit-status')).toBeUndefined()
    task.control.write('0 0 0\n')
    expect(await task.ended()).toMatchObject({ exitCode: 4, oomKilled: true })
  })

  it('reaches stdin through the fifo until it is told to close it', async () => {
    await using task = new Task({ shim, script: 'cat; echo end', stdin: true })
    await task.start()
    writeFileSync(task.fifo('stdin'), 'one ')
    await settled(() => task.rawLog(), 50)
    expect(task.file('exit-status')).toBeUndefined()
    writeFileSync(task.fifo('stdin'), 'two ')
    task.control.write('nonsense\n9 9 9\n1 80 25\n0 0 0\n')
    await task.hungUp()
    expect(task.logged('stdout')).toBe('one two end\n')
  })

  it('gives a container without stdin an empty one', async () => {
    await using task = new Task({ shim, script: 'cat; echo end' })
    await task.run()
    expect(task.logged('stdout')).toBe('end\n')
  })
})

it('costs less than half a mebibyte while its container idles', async () => {
  await using task = new Task({ shim: 'tally-shim', args: ['sleep', '1000'] })
  await task.start()
  const memory = readFileSync(`/proc/${task.process.pid}/smaps_rollup`, 'utf8')
  expect(Number(/^Pss:\s+(\d+) kB/m.exec(memory)?.[1])).toBeLessThan(512)
})

function limitMemory(config: { linux: { resources: { memory?: { limit: number; swap: number } } } }): void {
  config.linux.resources.memory = { limit: 16 * 1024 * 1024, swap: 16 * 1024 * 1024 }
}
