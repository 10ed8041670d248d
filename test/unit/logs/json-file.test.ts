import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test as it } from 'vitest'
import { nanoseconds } from '../../../src/clock.ts'
import { type ReadLogOptions, readLog } from '../../../src/logs/json-file.ts'
import type { LogEntry } from '../../../src/logs/record.ts'

let directory: string
let path: string
let broken: string[]

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tallyman-log-'))
  path = join(directory, 'c-json.log')
  broken = []
})

afterEach(() => rmSync(directory, { recursive: true }))

const timeOf = (second: number) => `2026-11-24T06:00:${String(second).padStart(2, '0')}.5Z`
const record = (log: string, stream = 'stdout', time = timeOf(0)) =>
  `${JSON.stringify({ log, stream, time })}\n`
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

function options(change: Partial<ReadLogOptions> = {}): ReadLogOptions {
  const onBroken = (line: string) => broken.push(line)
  return { stdout: true, stderr: true, signal: new AbortController().signal, onBroken, ...change }
}

async function read(change: Partial<ReadLogOptions> = {}): Promise<string[]> {
  const logs: string[] = []
  for await (const batch of readLog(path, options(change))) logs.push(...batch.map((entry) => entry.log))
  return logs
}

/** Follows in the background; `until(n)` answers when n entries came. */
function follow(change: Partial<ReadLogOptions> = {}) {
  const entries: LogEntry[] = []
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const done = (async () => {
    for await (const batch of readLog(path, options({ follow: { ended }, ...change }))) entries.push(...batch)
  })()
  const until = async (count: number) => {
    while (entries.length < count) await sleep(5)
  }
  return { logs: () => entries.map((entry) => entry.log), until, end, done }
}

/** How many bytes this process has read from files, proc(5). */
const bytesRead = () => Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])

describe('what is in the log', () => {
  it('is read from the oldest rotated file to the newest', async () => {
    writeFileSync(`${path}.2`, record('one\n'))
    writeFileSync(`${path}.1`, record('two\n', 'stderr'))
    writeFileSync(path, record('three\n'))
    expect(await read()).toEqual(['one\n', 'two\n', 'three\n'])
    expect(await read({ stderr: false })).toEqual(['one\n', 'three\n'])
    expect(await read({ stdout: false })).toEqual(['two\n'])
  })

  it('is nothing if the container never wrote', async () => {
    expect(await read()).toEqual([])
  })

  it('keeps the parts of a long line apart, without newlines of its own', async () => {
    const part = 'x'.repeat(16 * 1024)
    writeFileSync(path, record(part) + record(part) + record('end\n'))
    expect((await read()).join('')).toBe(`${part}${part}end\n`)
  })

  it('keeps characters whole that lie across the border of two chunks', async () => {
    const logs = numbers(0, 200).map((n) => `${'€'.repeat(300 + n)}\n`)
    writeFileSync(path, logs.map((log) => record(log)).join(''))
    expect(await read()).toEqual(logs)
    expect(broken).toEqual([])
  })

  it('can be bounded by time at both ends, both inclusive', async () => {
    writeFileSync(
      path,
      numbers(0, 10)
        .map((n) => record(`${n}`, 'stdout', timeOf(n)))
        .join(''),
    )
    const since = nanoseconds(timeOf(3))
    const until = nanoseconds(timeOf(5))
    expect(await read({ since })).toEqual(numbers(3, 10).map(String))
    expect(await read({ until })).toEqual(numbers(0, 6).map(String))
    expect(await read({ since, until })).toEqual(['3', '4', '5'])
    expect(await read({ since: since + 1n, until: until - 1n })).toEqual(['4'])
  })

  it('ends where the log ended when it was opened, however much is written meanwhile', async () => {
    writeFileSync(
      path,
      numbers(0, 5000)
        .map((n) => record(`${n}`))
        .join(''),
    )
    const logs: string[] = []
    for await (const batch of readLog(path, options())) {
      logs.push(...batch.map((entry) => entry.log))
      appendFileSync(path, record('later'))
    }
    expect(logs).toEqual(numbers(0, 5000).map(String))
  })
})

describe('the tail', () => {
  it('is the last records, wherever the files begin and end', async () => {
    const lines = fc.array(fc.string({ maxLength: 30 }), { maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(lines, { maxLength: 4 }),
        fc.nat(60),
        fc.boolean(),
        async (files, tail, torn) => {
          rmSync(directory, { recursive: true })
          directory = mkdtempSync(join(tmpdir(), 'tallyman-log-'))
          path = join(directory, 'c-json.log')
          for (const [index, logs] of files.entries()) {
            const name = index === files.length - 1 ? path : `${path}.${files.length - 1 - index}`
            writeFileSync(name, logs.map((log) => record(log)).join(''))
          }
          if (torn) appendFileSync(path, '{"log":"unfin')
          const all = files.flat()
          expect(await read({ tail })).toEqual(tail === 0 ? [] : all.slice(-tail))
        },
      ),
      { numRuns: 150 },
    )
  })

  it('is found across the chunks of a large file', async () => {
    const logs = numbers(0, 9000).map((n) => `${n} ${'y'.repeat(n % 97)}\n`)
    writeFileSync(path, logs.map((log) => record(log)).join(''))
    for (const tail of [1, 700, 5000, 8999, 9000, 9001])
      expect(await read({ tail })).toEqual(logs.slice(-tail))
  })

  it('of a 100 GB file costs no more than the last chunk', async () => {
    writeFileSync(path, '')
    truncateSync(path, 100e9)
    appendFileSync(
      path,
      `\n${numbers(0, 20)
        .map((n) => record(`${n}`))
        .join('')}`,
    )
    const before = bytesRead()
    expect(await read({ tail: 10 })).toEqual(numbers(10, 20).map(String))
    expect(bytesRead() - before).toBeLessThan(200_000)
  })
})

describe('damage', () => {
  it('in one line is reported and the rest is read', async () => {
    writeFileSync(path, `${record('a')}garbage\n{"log":1,"stream":"stdout"}\n${record('b')}`)
    expect(await read()).toEqual(['a', 'b'])
    expect(broken).toEqual(['garbage', '{"log":1,"stream":"stdout"}'])
  })

  it('by a crash within a record does not hide the record that the next writer put behind it', async () => {
    writeFileSync(path, `${record('a')}{"log":"torn {\\"log\\":\\"${record('b')}${record('c')}`)
    expect(await read()).toEqual(['a', 'b', 'c'])
    expect(broken).toHaveLength(1)
  })

  it('at the end is skipped', async () => {
    writeFileSync(path, `${record('a')}{"log":"tor`)
    expect(await read()).toEqual(['a'])
    expect(broken).toEqual([])
  })

  it('without any newline costs no memory', async () => {
    writeFileSync(path, record('a'))
    truncateSync(path, 300e6)
    appendFileSync(path, `\n${record('b')}`)
    const before = process.memoryUsage().rss
    expect(await read()).toEqual(['a', 'b'])
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6)
    expect(broken).toHaveLength(1)
  })
})

describe('following', () => {
  it('delivers what is written later and ends with the container', async () => {
    writeFileSync(path, record('a'))
    const reader = follow()
    await reader.until(1)
    appendFileSync(path, record('b').slice(0, 9))
    appendFileSync(path, record('b').slice(9))
    await reader.until(2)
    appendFileSync(path, record('c'))
    reader.end()
    await reader.done
    expect(reader.logs()).toEqual(['a', 'b', 'c'])
  })

  it('waits for a log that does not exist yet', async () => {
    const reader = follow({ tail: 0 })
    await sleep(20)
    writeFileSync(path, record('a'))
    await reader.until(1)
    reader.end()
    await reader.done
    expect(reader.logs()).toEqual(['a'])
  })

  it('from tail 0 begins with the line that is being written', async () => {
    writeFileSync(path, record('a') + record('b').slice(0, 12))
    const reader = follow({ tail: 0 })
    await sleep(20)
    appendFileSync(path, record('b').slice(12))
    await reader.until(1)
    reader.end()
    await reader.done
    expect(reader.logs()).toEqual(['b'])
  })

  it('goes on from the beginning of a file that was truncated', async () => {
    writeFileSync(path, record('a') + record('b'))
    const reader = follow()
    await reader.until(2)
    writeFileSync(path, record('c'))
    await reader.until(3)
    reader.end()
    await reader.done
    expect(reader.logs()).toEqual(['a', 'b', 'c'])
  })

  it('notices a truncation also when more was written since than had been read', async () => {
    writeFileSync(path, record('a') + record('b'))
    const reader = follow()
    await reader.until(2)
    writeFileSync(
      path,
      numbers(0, 50)
        .map((n) => record(`${n}`, 'stdout', timeOf(n)))
        .join(''),
    )
    await reader.until(52)
    reader.end()
    await reader.done
    expect(reader.logs()).toEqual(['a', 'b', ...numbers(0, 50).map(String)])
    expect(broken).toEqual([])
  })

  it('forgets an unfinished line that its writer took back', async () => {
    writeFileSync(path, `${record('a')}{"log":"on a full disk`)
    const reader = follow()
    await reader.until(1)
    await sleep(20)
    truncateSync(path, record('a').length)
    appendFileSync(path, record('b'))
    await reader.until(2)
    reader.end()
    await reader.done
    expect(reader.logs()).toEqual(['a', 'b'])
    expect(broken).toEqual([])
  })

  it('reads what was written to a file just before it was rotated', async () => {
    writeFileSync(path, record('a'))
    const reader = follow()
    await reader.until(1)
    appendFileSync(path, record('b'))
    renameSync(path, `${path}.1`)
    writeFileSync(path, record('c'))
    await reader.until(3)
    reader.end()
    await reader.done
    expect(reader.logs()).toEqual(['a', 'b', 'c'])
  })

  it('loses and repeats nothing while another process writes and rotates', async () => {
    const script = join(import.meta.dirname, 'log-writer.ts')
    const reader = follow()
    const writer = spawn(process.execPath, [script, path, '8000', '30000', '40'], { stdio: 'inherit' })
    await once(writer, 'exit')
    reader.end()
    await reader.done
    expect(reader.logs()).toEqual(numbers(0, 8000).map((n) => `${n}\n`))
    expect(broken).toEqual([])
  })

  it('is not held up by its own slowness: what rotation deleted is gone, what is left comes in order', async () => {
    const script = join(import.meta.dirname, 'log-writer.ts')
    writeFileSync(path, record('-1\n'))
    const entries = readLog(path, options({ follow: { ended: Promise.resolve() } }))
    const first = await entries.next()
    await once(spawn(process.execPath, [script, path, '8000', '30000', '3'], { stdio: 'inherit' }), 'exit')
    const logs = (first.value ?? []).map((entry: LogEntry) => Number(entry.log))
    for await (const batch of entries) logs.push(...batch.map((entry) => Number(entry.log)))
    const gaps = logs.filter((n, index) => index > 0 && n !== (logs[index - 1] ?? 0) + 1)
    expect(logs.at(-1)).toBe(7999)
    expect(gaps).toHaveLength(1)
  })

  it('ends when the reader goes away', async () => {
    writeFileSync(path, record('a'))
    const reader = new AbortController()
    const following = follow({ signal: reader.signal })
    await following.until(1)
    reader.abort()
    await following.done
    expect(following.logs()).toEqual(['a'])
  })

  it('ends when the log is removed together with its directory', async () => {
    writeFileSync(path, record('a'))
    const reader = follow()
    await reader.until(1)
    rmSync(directory, { recursive: true })
    reader.end()
    await reader.done
    directory = mkdtempSync(join(tmpdir(), 'tallyman-log-'))
    expect(reader.logs()).toEqual(['a'])
  })
})
