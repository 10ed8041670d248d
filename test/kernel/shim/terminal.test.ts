import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { build, shims } from './build.ts'
import { FifoWriter } from './fifo.ts'
import { Task } from './task.ts'
import { settled, until } from './until.ts'

beforeAll(build)

const numbers = (last: number): string =>
  Array.from({ length: last }, (_, index) => `${index + 1}\r\n`).join('')

/** Feeds as fast as it is taken. */
async function feed(path: string, bytes: Buffer): Promise<void> {
  using writer = new FifoWriter(path, 'write')
  let at = 0
  await until(() => {
    for (let taken = -1; taken !== 0 && at < bytes.length; at += taken)
      taken = writer.offer(bytes.subarray(at, at + 65536))
    return at === bytes.length
  })
}

describe.each(shims)('%s with a terminal', (shim) => {
  it('gives the container a terminal of the size that was asked for, and removes the socket', async () => {
    const more = ['--console-width', '120', '--console-height', '33']
    await using task = new Task({
      shim,
      script: 'stty size; test -t 0 -a -t 1 -a -t 2 && echo yes',
      terminal: true,
      more,
    })
    expect(await task.run()).toMatchObject({ exitCode: 0 })
    expect(task.logged('stdout')).toBe('33 120\r\nyes\r\n')
    expect(task.logged('stderr')).toBe('')
    expect(task.lines().map((line) => line.split(' ')[0])).toEqual(['ready', 'pid', 'exited'])
    expect(existsSync(join(task.directory, 'console'))).toBe(false)
    expect(task.file('shim-log.json')).toBe('')
  })

  it('resizes before and after the start, and the process hears of it', async () => {
    const script = 'stty size; trap "stty size; exit 3" WINCH; echo ready; while true; do sleep 0.01; done'
    await using task = new Task({ shim, script, terminal: true })
    task.control.write('1 99 44\n')
    await task.start()
    await until(() => task.logged('stdout') === '44 99\r\nready\r\n')
    task.control.write('1 100000 44\n1 60 20\n')
    expect(await task.ended()).toMatchObject({ exitCode: 3 })
    expect(task.logged('stdout')).toBe('44 99\r\nready\r\n20 60\r\n')
    expect(task.shimErrors()).toMatchObject([{ step: 'resize' }])
  })

  it('types what comes through the fifo, with echo, and ends the input at ^D', async () => {
    await using task = new Task({ shim, script: 'cat; echo end', terminal: true, stdin: true })
    await task.start()
    writeFileSync(task.fifo('stdin'), 'hello\n')
    await until(() => task.logged('stdout') === 'hello\r\nhello\r\n')
    writeFileSync(task.fifo('stdin'), '\x04')
    expect(await task.ended()).toMatchObject({ exitCode: 0 })
    expect(task.logged('stdout')).toBe('hello\r\nhello\r\nend\r\n')
  })

  it('interrupts at ^C', async () => {
    await using task = new Task({
      shim,
      script: 'trap "exit 9" INT; echo ready; while true; do sleep 0.01; done',
      terminal: true,
      stdin: true,
    })
    await task.start()
    await until(() => task.logged('stdout') === 'ready\r\n')
    writeFileSync(task.fifo('stdin'), '\x03')
    expect(await task.ended()).toMatchObject({ exitCode: 9 })
  })

  it('keeps the terminal when stdin is closed: nobody types any more, but the process lives and is heard', async () => {
    const script = 'read x; echo got $x; sleep 0.3; echo later'
    await using task = new Task({ shim, script, terminal: true, stdin: true })
    await task.start()
    const writer = new FifoWriter(task.fifo('stdin'), 'write')
    task.control.write('0 0 0\n')
    writer.write('one\n')
    writer[Symbol.dispose]()
    expect(await task.ended()).toMatchObject({ exitCode: 0 })
    expect(task.logged('stdout')).toBe('one\r\ngot one\r\nlater\r\n')
  })

  it('carries 10 MiB of anything both ways, byte for byte', async () => {
    const bytes = randomBytes(10 * 1024 * 1024)
    await using task = new Task({
      shim,
      script: 'stty raw -echo; echo ready; exec cat',
      ...{ terminal: true, stdin: true, outputs: ['stdout'], readers: ['stdout'], log: null },
    })
    await task.start()
    await until(() => task.received('stdout') === 'ready\n')
    const size = 'ready\n'.length + bytes.length
    await Promise.all([feed(task.fifo('stdin'), bytes), until(() => task.received('stdout').length >= size)])
    const received = Buffer.from(task.received('stdout'), 'latin1')
    expect(received.subarray('ready\n'.length).equals(bytes)).toBe(true)
  })

  it('holds the process back for a slow reader and loses nothing, in the log neither', async () => {
    const all = numbers(20_000)
    const script = 'seq 1 20000; echo -n end'
    await using task = new Task({ shim, script, terminal: true, outputs: ['stdout'], readers: ['stdout'] })
    await task.start()
    await settled(() => statSync(task.logPath).size)
    expect(task.logged('stdout').length).toBeLessThan(all.length)
    expect(task.file('exit-status')).toBeUndefined()
    await until(() => task.received('stdout').endsWith('end') && task.readers.get('stdout')?.ended)
    await task.hungUp()
    expect(task.received('stdout')).toBe(`${all}end`)
    expect(task.logged('stdout')).toBe(`${all}end`)
  })

  it('has the last words of a process that has ended, for the log and for a reader who is slow', async () => {
    const all = numbers(9_000)
    await using task = new Task({
      shim,
      script: 'seq 1 9000',
      terminal: true,
      outputs: ['stdout'],
      readers: ['stdout'],
    })
    await task.start()
    expect(await task.ended()).toMatchObject({ exitCode: 0 })
    expect(task.logged('stdout')).toBe(all)
    await task.hungUp()
    expect(task.received('stdout')).toBe(all)
  })

  it('hangs up on who still holds the terminal when the container has ended', async () => {
    const script = '(trap "echo hup > /hup; exit" HUP; echo ready; while true; do sleep 0.01; done) & read x'
    await using task = new Task({
      shim,
      script,
      terminal: true,
      stdin: true,
      adapt(config) {
        config.root.readonly = false
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'pid')
      },
    })
    await task.start()
    await until(() => task.logged('stdout') === 'ready\r\n')
    writeFileSync(task.fifo('stdin'), '\n')
    await task.hungUp()
    await until(() => existsSync(join(task.root, 'bundle/rootfs/hup')))
    expect(await task.ended()).toMatchObject({ exitCode: 0 })
  })

  it('neither spins nor forgets its output fifo when the container closes its terminal and lives on', async () => {
    const script = 'echo bye; exec 0<&- 1>&- 2>&-; exec sleep 1000'
    await using task = new Task({
      shim,
      script,
      terminal: true,
      stdin: true,
      outputs: ['stdout'],
      readers: ['stdout'],
    })
    const pid = await task.start()
    await until(() => task.received('stdout') === 'bye\r\n' && task.readers.get('stdout')?.ended)
    const before = cpuTicks(task.process.pid ?? 0)
    await settled(() => task.lines().length)
    expect(cpuTicks(task.process.pid ?? 0) - before).toBeLessThan(10)
    process.kill(pid, 'SIGKILL')
    expect(await task.ended()).toMatchObject({ exitCode: 137 })
  })

  it('tells why the container could not be created', async () => {
    await using task = new Task({ shim, args: ['/no/such/program'], terminal: true })
    await task.hungUp()
    expect(task.lines()).toEqual(['ready', 'failed'])
    expect(task.shimErrors()).toMatchObject([
      { step: 'runc create', msg: expect.stringMatching(/^exit status 1: .*no such file/) },
    ])
  })

  it('tells that the runtime sent no terminal, and leaves no process behind', async () => {
    await using task = new Task({
      shim,
      args: ['sleep', '1000'],
      terminal: true,
      adapt: (config) => {
        config.process.terminal = false
      },
      runtime: join(import.meta.dirname, 'without-console-socket.sh'),
    })
    await task.hungUp()
    expect(task.lines()).toEqual(['ready', 'failed'])
    expect(task.shimErrors()).toMatchObject([{ step: 'receive terminal', errno: 11 }])
    await until(() => !existsSync(`/proc/${task.file('pid')}`))
  })
})

/** User and system time, fields 14 and 15 of proc_pid_stat(5). */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

it('costs less than half a mebibyte with a terminal, too, also after it has carried much', async () => {
  const script = 'stty -echo; echo ready; cat'
  await using task = new Task({ shim: 'tally-shim', script, terminal: true, stdin: true })
  await task.start()
  await until(() => task.logged('stdout') === 'ready\r\n')
  await feed(task.fifo('stdin'), Buffer.from('0123456789\n'.repeat(50_000)))
  await until(() => task.logged('stdout').length >= 550_000)
  await until(() => pss(task.process.pid ?? 0) < 512)
  expect(pss(task.process.pid ?? 0)).toBeLessThan(512)
})

function pss(pid: number): number {
  const memory = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Pss:\s+(\d+) kB/m.exec(memory)?.[1])
}
