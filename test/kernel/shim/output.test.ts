import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { build, shims } from './build.ts'
import { type LogLine, Task } from './task.ts'
import { settled, until } from './until.ts'

beforeAll(build)

const numbers = (first: number, last: number): string =>
  Array.from({ length: last - first + 1 }, (_, index) => `${first + index}\n`).join('')

describe.each(shims)('%s', (shim) => {
  it("writes both streams as Docker's json-file driver does", async () => {
    const script = String.raw`printf 'a\tb\r\033[1m"\\<>&\177 \303\274 \342\200\250 \377 \n'; echo oops >&2; printf 'no newline'`
    await using task = new Task({ shim, script })
    await task.run()
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z`
    const first = `${String.raw`a\u0009b\r\u001b[1m\"\\\u003c\u003e\u0026`}\x7f ü ${String.raw`\u2028 \ufffd \n`}`
    const lines = task.rawLog().split('\n')
    expect(new Set(lines.map((line) => line.replace(new RegExp(time), 'TIME')))).toEqual(
      new Set([
        `{"log":"${first}","stream":"stdout","time":"TIME"}`,
        String.raw`{"log":"oops\n","stream":"stderr","time":"TIME"}`,
        '{"log":"no newline","stream":"stdout","time":"TIME"}',
        '',
      ]),
    )
    expect(statSync(task.logPath).mode & 0o777).toBe(0o640)
  })

  it('splits long lines into parts of 16 KiB that carry the time of the first', async () => {
    const script =
      'head -c 40000 /dev/zero | tr "\\0" x; echo; head -c 16384 /dev/zero | tr "\\0" y; echo; echo z'
    await using task = new Task({ shim, script: script.replaceAll('tr ', 'busybox tr ') })
    await task.run()
    const log = task.log()
    expect(log.map((line) => [line.log[0], line.log.length])).toEqual([
      ['x', 16384],
      ['x', 16384],
      ['x', 40000 - 2 * 16384 + 1],
      ['y', 16384],
      ['\n', 1],
      ['z', 2],
    ])
    expect(new Set(log.slice(0, 3).map(({ time }) => time)).size).toBe(1)
  })

  it('rotates at max-size, keeps max-file files and loses no line between them', async () => {
    await using task = new Task({ shim, script: 'seq 1 100', log: { maxSize: 2000, maxFile: 3 } })
    await task.run()
    const files = ['.2', '.1', ''].map((suffix) => task.log(suffix).map(({ log }) => Number(log)))
    const kept = files.flat()
    expect(kept).toEqual(Array.from(kept, (_, index) => 101 - kept.length + index))
    expect(kept.length).toBeLessThan(100)
    expect(task.rawLog('.3')).toBe('')
    for (const suffix of ['.1', '.2']) {
      const size = statSync(task.logPath + suffix).size
      expect(size).toBeGreaterThanOrEqual(2000)
      expect(size).toBeLessThan(2100)
      expect(statSync(task.logPath + suffix).mode & 0o777).toBe(0o640)
    }
  })

  it('empties the only file when it is full', async () => {
    await using task = new Task({ shim, script: 'seq 1 100', log: { maxSize: 2000, maxFile: 1 } })
    await task.run()
    expect(task.log().at(-1)?.log).toBe('100\n')
    expect(task.rawLog().length).toBeLessThan(2100)
    expect(task.rawLog('.1')).toBe('')
  })

  it('appends to an earlier log and cuts off a line that was left unfinished there', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'tally-log-')), 'log')
    writeFileSync(path, '{"log":"old\\n","stream":"stdout","time":"2026-01-01T00:00:00Z"}\n{"log":"unfini')
    await using task = new Task({ shim, script: 'echo new', log: { path } })
    await task.run()
    expect(task.log().map(({ log }) => log)).toEqual(['old\n', 'new\n'])
    rmSync(join(path, '..'), { recursive: true })
  })

  it('copies raw bytes to who reads from the beginning, stream by stream, and ends them', async () => {
    const outputs = ['stdout', 'stderr'] as const
    await using task = new Task({ shim, script: 'seq 1 5000; printf err >&2', outputs, readers: outputs })
    await task.start()
    await until(() => task.received('stdout').endsWith('\n5000\n') && task.readers.get('stdout')?.ended)
    await until(() => task.received('stderr') === 'err' && task.readers.get('stderr')?.ended)
    await task.hungUp()
    expect(task.received('stdout')).toBe(numbers(1, 5000))
    expect(task.logged('stdout')).toBe(numbers(1, 5000))
  })

  it('copies to who attaches later from then on, also to the next one after that', async () => {
    const script = 'while read x; do echo $x; done'
    await using task = new Task({ shim, script, stdin: true, outputs: ['stdout'] })
    await task.start()
    const say = async (word: string) => {
      writeFileSync(task.fifo('stdin'), `${word}\n`)
      await until(() => task.logged('stdout').endsWith(`${word}\n`))
    }
    const attach = () => {
      const reader = task.attach('stdout')
      task.control.write('2 0 0\n')
      return reader
    }
    await say('one')
    const first = attach()
    await until(() => first.read() === '' && !first.ended)
    await say('two')
    await until(() => first.read() === 'two\n')
    first[Symbol.dispose]()
    await say('three')
    const second = attach()
    await until(() => second.read() === '' && !second.ended)
    await say('four')
    await until(() => second.read() === 'four\n')
    task.control.write('0 0 0\n')
    await task.hungUp()
    expect(task.logged('stdout')).toBe('one\ntwo\nthree\nfour\n')
    expect(second.read()).toBe('four\n')
    expect(second.ended).toBe(true)
  })

  it('holds a stream back for its slow reader, not the other stream, and loses nothing', async () => {
    const script = 'seq 1 100000; echo done >&2'
    const other = `(sleep 0.3; echo meanwhile >&2) & ${script}`
    await using task = new Task({ shim, script: other, outputs: ['stdout'], readers: ['stdout'] })
    await task.start()
    await until(() => task.logged('stderr') === 'meanwhile\n')
    const held = await settled(() => statSync(task.logPath).size)
    expect(held).toBeLessThan(numbers(1, 100000).length * 12)
    expect(task.logged('stderr')).toBe('meanwhile\n')
    expect(task.logged('stdout').length).toBeLessThan(200_000)
    await until(() => task.received('stdout').endsWith('\n100000\n'))
    await task.hungUp()
    expect(task.received('stdout')).toBe(numbers(1, 100000))
    expect(task.logged('stdout')).toBe(numbers(1, 100000))
  })

  it('lets a reader who is slow at the end have the rest, after the exit is recorded', async () => {
    const all = numbers(1, 20000)
    await using task = new Task({ shim, script: 'seq 1 20000', outputs: ['stdout'], readers: ['stdout'] })
    await task.start()
    expect(await task.ended()).toMatchObject({ exitCode: 0 })
    expect(task.logged('stdout')).toBe(all)
    await until(() => task.received('stdout').length === all.length && task.readers.get('stdout')?.ended)
    expect(task.received('stdout')).toBe(all)
    await task.hungUp()
  })

  it('goes on logging when the reader is gone', async () => {
    await using task = new Task({ shim, script: 'seq 1 100000', outputs: ['stdout'], readers: ['stdout'] })
    await task.start()
    await settled(() => statSync(task.logPath).size)
    task.readers.get('stdout')?.[Symbol.dispose]()
    task.readers.clear()
    await task.hungUp()
    expect(task.logged('stdout')).toBe(numbers(1, 100000))
  })

  it('drains and drops what nobody wants', async () => {
    await using task = new Task({
      shim,
      script: 'seq 1 100000; seq 1 100000 >&2',
      outputs: ['stdout'],
      log: null,
    })
    expect(await task.run()).toMatchObject({ exitCode: 0 })
    expect(task.rawLog()).toBe('')
  })

  it('shows its end to who attaches to a stream that the container has closed', async () => {
    const script = 'exec >/dev/null; cat'
    await using task = new Task({ shim, script, stdin: true, outputs: ['stdout'], readers: ['stdout'] })
    await task.start()
    await until(() => task.received('stdout') === '' && task.readers.get('stdout')?.ended)
    task.readers.get('stdout')?.[Symbol.dispose]()
    const late = task.attach('stdout')
    task.control.write('2 0 0\n')
    await settled(() => late.read(), 50)
    expect(late.ended).toBe(true)
    task.control.write('0 0 0\n')
    await task.hungUp()
  })

  it('tells of a full disk once, keeps the container going and logs again when there is room', async () => {
    using disk = new SmallDisk()
    const script = 'seq 1 20000; cat; seq 1 20000; echo end'
    await using task = new Task({ shim, script, stdin: true, log: { path: join(disk.path, 'log') } })
    disk.fill(160 * 1024)
    await task.start()
    await settled(() => statSync(task.logPath).size)
    const whole = task.log().map(({ log }: LogLine) => log)
    expect(task.rawLog().endsWith('\n')).toBe(true)
    expect(whole.join('')).toBe(numbers(1, whole.length))
    expect(whole.length).toBeLessThan(20000)
    disk.clear()
    writeFileSync(task.fifo('stdin'), 'room again\n')
    await until(() => task.logged('stdout').includes('room again\n'))
    task.control.write('0 0 0\n')
    expect(await task.ended()).toMatchObject({ exitCode: 0 })
    expect(task.shimErrors()).toMatchObject([
      { step: 'write log', errno: 28, msg: `${task.logPath}: No space left on device` },
    ])
    expect(task.log().at(whole.length)?.log).toBe('room again\n')
  })

  it('keeps all of the log when rotation fails', async () => {
    const log = { maxSize: 1000, maxFile: 3 }
    await using task = new Task({ shim, script: 'cat; seq 1 100', stdin: true, log })
    await task.start()
    execFileSync('mkdir', [`${task.logPath}.next`])
    task.control.write('0 0 0\n')
    await task.hungUp()
    expect(task.logged('stdout')).toBe(numbers(1, 100))
    expect(task.shimErrors()).toMatchObject([{ step: 'rotate log', errno: 21 }])
  })
})

/** A file system of 256 KiB. */
class SmallDisk implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'tally-disk-'))

  constructor() {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tally-test', this.path])
  }

  fill(bytes: number): void {
    writeFileSync(join(this.path, 'filler'), Buffer.alloc(bytes))
  }

  clear(): void {
    rmSync(join(this.path, 'filler'))
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['--lazy', this.path])
    rmSync(this.path, { recursive: true })
  }
}
