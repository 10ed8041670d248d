import { closeSync, readSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, type Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test as it } from 'vitest'
import { Streams, type StreamTarget } from '../../../src/engine/streams.ts'
import { makeFifo, openFifo, openFifoReader, openFifoWriter } from '../../../src/kernel/fifo.ts'
import { turns } from './turns.ts'

let directory = ''
const at = (name: string): string => join(directory, name)

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tally-streams-'))
  for (const name of ['stdin', 'stdout', 'stderr']) makeFifo(at(name), 0o600)
})
afterEach(() => rm(directory, { recursive: true }))

/** The daemon's side, with what it told the shim. */
function bench({ stdinOnce = false, attachOutput = async (_: string): Promise<void> => undefined } = {}) {
  const told: string[] = []
  const reports: string[] = []
  const streams = new Streams({
    closeStdin: async (id) => void told.push(`close stdin of ${id}`),
    async attachOutput(id) {
      told.push(`attach output of ${id}`)
      await attachOutput(id)
    },
    report: (message) => void reports.push(message),
  })
  const stdio = { stdin: at('stdin'), stdout: at('stdout'), stderr: at('stderr') }
  const target: StreamTarget = { id: 'c1', stdio, stdinOnce }
  return { streams, target, told, reports }
}

/** The shim's side: the container's output. */
const shim = () => ({ stdout: openFifoWriter(at('stdout')), stderr: openFifoWriter(at('stderr')) })

const options = (running: boolean, signal = new AbortController().signal) => ({ running, signal })

/** A client that takes what it is sent. */
function client() {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const all = (from: PassThrough): Promise<string> => text(from)
  return { stdout, stderr, said: [all(stdout), all(stderr)] as const }
}

const hasEnded = async (ended: Promise<void>): Promise<boolean> =>
  Promise.race([ended.then(() => true), turns().then(() => false)])

/** A client that takes one chunk and no more until it is told to. */
function slowClient() {
  const held: (() => void)[] = []
  let taken = 0
  const stdout = new Writable({
    highWaterMark: 1,
    write(chunk: Buffer, _encoding, done) {
      taken += chunk.length
      held.push(done)
    },
  })
  const take = async (): Promise<void> => {
    for (let done = held.shift(); done !== undefined; done = held.shift()) {
      done()
      await turns(2)
    }
  }
  return { stdout, take, taken: () => taken }
}

/** How much the pipe takes while nobody reads on the other side. */
async function fill(writer: Writable, chunk: Buffer): Promise<boolean> {
  let flushed = false
  writer.write(chunk, () => {
    flushed = true
  })
  await turns()
  return flushed
}

describe('Who attaches before the start', () => {
  it('gets every byte from the first on, each stream by itself, until both end', async () => {
    const { streams, target, told, reports } = bench()
    const { stdout, stderr, said } = client()
    const { ended } = await streams.attach(target, { stdout, stderr }, options(false))
    streams.open(target)
    const container = shim()
    container.stdout.end('out')
    expect(await hasEnded(ended)).toBe(false)
    container.stderr.end('err')
    await ended
    stdout.end()
    stderr.end()
    expect(await Promise.all(said)).toEqual(['out', 'err'])
    expect([told, reports]).toEqual([[], []])
  })

  it('is sent away when the start fails before there is a pipe', async () => {
    const { streams, target } = bench()
    const { ended } = await streams.attach(target, client(), options(false))
    streams.close(target)
    expect(await hasEnded(ended)).toBe(true)
  })

  it('is sent away when the start fails after the pipes were opened', async () => {
    const { streams, target, reports } = bench()
    const { ended } = await streams.attach(target, client(), options(false))
    streams.open(target)
    streams.close(target)
    await ended
    expect(reports).toEqual([])
  })

  it('feeds the container once it is started', async () => {
    const { streams, target } = bench()
    const stdin = new PassThrough()
    stdin.write('early ')
    await streams.attach(target, { ...client(), stdin }, options(false))
    streams.open(target)
    streams.feed(target)
    stdin.write('late')
    const container = openFifoReader(at('stdin'))
    expect(await exactly(container, 10)).toBe('early late')
    container.destroy()
  })
})

it('Input is passed on once, also if the start of the shim had to be repeated', async () => {
  const { streams, target } = bench()
  const stdin = new PassThrough()
  await streams.attach(target, { ...client(), stdin }, options(false))
  for (let attempt = 0; attempt < 2; attempt += 1) {
    streams.open(target)
    streams.feed(target)
  }
  stdin.write('a')
  await turns()
  stdin.write('b')
  const container = openFifoReader(at('stdin'))
  await turns()
  expect(await exactly(container, 2)).toBe('ab')
  container.destroy()
})

describe('Nobody', () => {
  it('has a pipe opened', async () => {
    const { streams, target } = bench()
    streams.open(target)
    streams.close(target)
    expect(() => openFifo(at('stdout'), 'write')).toThrow('ENXIO')
  })
})

describe('Who attaches while it runs', () => {
  it('has the shim told, and gets what comes', async () => {
    const { streams, target, told } = bench()
    const { stdout, stderr, said } = client()
    const { ended } = await streams.attach(target, { stdout, stderr }, options(true))
    expect(told).toEqual(['attach output of c1'])
    const container = shim()
    container.stdout.end('hello')
    container.stderr.end()
    await ended
    stdout.end()
    expect(await said[0]).toBe('hello')
  })

  it('shares the streams with others, who may leave', async () => {
    const { streams, target, reports } = bench()
    const [first, second] = [client(), client()]
    const leaving = new AbortController()
    const gone = await streams.attach(target, first, options(true, leaving.signal))
    const { ended } = await streams.attach(target, second, options(true))
    const container = shim()
    container.stdout.write('both ')
    await turns()
    leaving.abort()
    await gone.ended
    container.stdout.end('one')
    container.stderr.end()
    await ended
    for (const stream of [first.stdout, second.stdout]) stream.end()
    expect([await first.said[0], await second.said[0], reports]).toEqual(['both ', 'both one', []])
  })

  it('leaves the pipes closed behind, without a complaint', async () => {
    const { streams, target, reports } = bench()
    const leaving = new AbortController()
    const { ended } = await streams.attach(target, client(), options(true, leaving.signal))
    leaving.abort()
    await ended
    await turns()
    expect(() => openFifo(at('stdout'), 'write')).toThrow('ENXIO')
    expect(reports).toEqual([])
  })

  it('can come back at once', async () => {
    const { streams, target } = bench()
    const leaving = new AbortController()
    await streams.attach(target, client(), options(true, leaving.signal))
    leaving.abort()
    const { stdout, stderr, said } = client()
    const { ended } = await streams.attach(target, { stdout, stderr }, options(true))
    const container = shim()
    container.stdout.end('again')
    container.stderr.end()
    await ended
    stdout.end()
    expect(await said[0]).toBe('again')
  })

  it('is not attached if it is gone already', async () => {
    const { streams, target, told } = bench()
    const { ended } = await streams.attach(target, client(), options(true, AbortSignal.abort()))
    expect(await hasEnded(ended)).toBe(true)
    expect(told).toEqual([])
  })

  it('is refused, and leaves nothing behind, if the shim can’t be told', async () => {
    const { streams, target } = bench({
      attachOutput: async () => {
        throw new Error('no such task')
      },
    })
    await expect(streams.attach(target, client(), options(true))).rejects.toThrow('no such task')
    expect(() => openFifo(at('stdout'), 'write')).toThrow('ENXIO')
  })

  it('is sent away also if the shim was gone before it could open the pipes', async () => {
    const { streams, target } = bench()
    const { ended } = await streams.attach(target, client(), options(true))
    expect(await hasEnded(ended)).toBe(false)
    streams.close(target)
    expect(await hasEnded(ended)).toBe(true)
  })

  it('with stdin alone is sent away when the container ends', async () => {
    const { streams, target } = bench()
    const { ended } = await streams.attach(target, { stdin: new PassThrough() }, options(true))
    openFifoWriter(at('stdout')).end('unheard')
    expect(await hasEnded(ended)).toBe(true)
  })

  it('with stderr alone does not open stdout', async () => {
    const { streams, target } = bench()
    const leaving = new AbortController()
    await streams.attach(target, { stderr: client().stderr }, options(true, leaving.signal))
    expect(() => openFifo(at('stdout'), 'write')).toThrow('ENXIO')
    leaving.abort()
  })
})

describe('A slow client', () => {
  const chunk = Buffer.alloc(65_536, 'x')

  it('holds the container back, and loses nothing', async () => {
    const { streams, target } = bench()
    const slow = slowClient()
    const { ended } = await streams.attach(target, { stdout: slow.stdout }, options(true))
    const stdout = openFifoWriter(at('stdout'))
    for (let index = 0; index < 4; index += 1) stdout.write(chunk)
    expect(await fill(stdout, chunk)).toBe(false)
    expect(slow.taken()).toBeLessThanOrEqual(chunk.length)
    stdout.end()
    while (slow.taken() < 5 * chunk.length) {
      await slow.take()
      await turns(2)
    }
    await slow.take()
    await ended
    expect(slow.taken()).toBe(5 * chunk.length)
  })

  it('does not stop the others when it leaves', async () => {
    const { streams, target } = bench()
    const [slow, leaving] = [slowClient(), new AbortController()]
    const other = client()
    await streams.attach(target, { stdout: slow.stdout }, options(true, leaving.signal))
    const { ended } = await streams.attach(target, { stdout: other.stdout }, options(true))
    const stdout = openFifoWriter(at('stdout'))
    for (let index = 0; index < 4; index += 1) stdout.write(chunk)
    await turns()
    leaving.abort()
    stdout.end()
    await ended
    other.stdout.end()
    expect(await other.said[0]).toHaveLength(4 * chunk.length)
  })

  it('still gets what waits in the pipe when the run is over, apart from who attaches for the next', async () => {
    const { streams, target } = bench()
    const slow = slowClient()
    const { ended } = await streams.attach(target, { stdout: slow.stdout }, options(true))
    const stdout = openFifoWriter(at('stdout'))
    stdout.write(chunk)
    await turns()
    stdout.end('the end')
    await turns()
    streams.close(target)
    const next = await streams.attach(target, client(), options(false))
    while (!(await hasEnded(ended))) await slow.take()
    expect(slow.taken()).toBe(chunk.length + 'the end'.length)
    expect(await hasEnded(next.ended)).toBe(false)
  })

  it('is not burdened with ever more listeners', async () => {
    const { streams, target } = bench()
    const slow = slowClient()
    const leaving = new AbortController()
    await streams.attach(target, { stdout: slow.stdout }, options(true, leaving.signal))
    const before = slow.stdout.listenerCount('close')
    const stdout = openFifoWriter(at('stdout'))
    for (let index = 0; index < 30; index += 1) {
      stdout.write('x')
      await turns(4)
      await slow.take()
    }
    await turns()
    expect(slow.stdout.listenerCount('close')).toBe(before)
    leaving.abort()
    stdout.destroy()
  })
})

describe('The end of the client’s stdin', () => {
  it('closes the container’s with StdinOnce, and the session goes on', async () => {
    const { streams, target, told } = bench({ stdinOnce: true })
    const stdin = new PassThrough()
    const container = openFifoReader(at('stdin'))
    const { ended } = await streams.attach(target, { ...client(), stdin }, options(true))
    stdin.end('all of it')
    expect(await exactly(container, 9)).toBe('all of it')
    await expect.poll(() => told).toEqual(['attach output of c1', 'close stdin of c1'])
    expect(await hasEnded(ended)).toBe(false)
    streams.close(target)
    await ended
    container.destroy()
  })

  it('ends the session without StdinOnce, and leaves the container’s open', async () => {
    const { streams, target, told } = bench()
    const stdin = new PassThrough()
    const { ended } = await streams.attach(target, { ...client(), stdin }, options(true))
    stdin.end('all of it')
    await ended
    expect(told).toEqual(['attach output of c1'])
  })

  it('closes the container’s with StdinOnce also if the client has vanished', async () => {
    const { streams, target, told } = bench({ stdinOnce: true })
    const stdin = new PassThrough()
    const vanishing = new AbortController()
    await streams.attach(target, { ...client(), stdin }, options(true, vanishing.signal))
    vanishing.abort()
    stdin.destroy()
    await expect.poll(() => told).toEqual(['attach output of c1', 'close stdin of c1'])
  })
})

describe('The end of a container that reads no input', () => {
  it('lets go of the pipe that is full of it', async () => {
    const { streams, target, told, reports } = bench({ stdinOnce: true })
    const stdin = new PassThrough()
    const { ended } = await streams.attach(target, { ...client(), stdin }, options(true))
    stdin.end(Buffer.alloc(200_000))
    await turns()
    streams.close(target)
    await ended
    await turns()
    expect([told, reports]).toEqual([['attach output of c1'], []])
    const fd = openFifo(at('stdin'), 'read')
    expect(drain(fd)).toBe('nobody writes')
    closeSync(fd)
  })
})

/** Reads until a pipe is empty: then either somebody still has it open to write, or nobody has. */
function drain(fd: number): string {
  const chunk = Buffer.alloc(65_536)
  try {
    while (readSync(fd, chunk) > 0);
    return 'nobody writes'
  } catch {
    return 'somebody writes'
  }
}

/** The next `length` bytes. */
async function exactly(readable: Readable, length: number): Promise<string> {
  let all = ''
  for await (const chunk of readable.iterator({ destroyOnReturn: false })) {
    all += String(chunk)
    if (all.length >= length) break
  }
  return all
}
