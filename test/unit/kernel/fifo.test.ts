import { closeSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  fifoReader,
  hasWriter,
  makeFifo,
  openFifo,
  openFifoReader,
  openFifoWriter,
} from '../../../src/kernel/fifo.ts'

let directory = ''
const at = (name: string): string => join(directory, name)

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tally-fifo-'))
})
afterEach(() => rm(directory, { recursive: true }))

describe('makeFifo', () => {
  it('makes a named pipe with the mode, and again without complaint', () => {
    makeFifo(at('pipe'), 0o600)
    makeFifo(at('pipe'), 0o600)
    expect(statSync(at('pipe')).isFIFO()).toBe(true)
    expect(statSync(at('pipe')).mode & 0o777).toBe(0o600)
  })

  it('refuses where something else is in the way', () => {
    writeFileSync(at('file'), '')
    expect(() => makeFifo(at('file'), 0o600)).toThrow(/not a named pipe/)
  })
})

describe('a fifo', () => {
  beforeEach(() => makeFifo(at('pipe'), 0o600))

  it('carries what is written until the writer closes', async () => {
    const reader = openFifoReader(at('pipe'))
    openFifoWriter(at('pipe')).end('one two')
    expect(await text(reader)).toBe('one two')
  })

  it('cannot be opened to write while nobody reads', () => {
    expect(() => openFifoWriter(at('pipe'))).toThrow(/ENXIO/)
  })

  it('waits for its first writer instead of ending at once', async () => {
    let ended = false
    const reader = openFifoReader(at('pipe')).on('end', () => {
      ended = true
    })
    const whole = text(reader)
    for (let i = 0; i < 50; i++) await turn()
    expect(ended).toBe(false)
    openFifoWriter(at('pipe')).end('late')
    expect(await whole).toBe('late')
  })

  it('tells whether a writer lives, and ends a reader made after that when the writer goes', async () => {
    const fd = openFifo(at('pipe'), 'read')
    expect(hasWriter(fd)).toBe(false)
    const writer = openFifo(at('pipe'), 'write')
    expect(hasWriter(fd)).toBe(true)
    const whole = text(fifoReader(fd))
    closeSync(writer)
    expect(await whole).toBe('')
  })

  it('leaves the thread pool free, however many readers wait', async () => {
    const readers = Array.from({ length: 32 }, () => openFifoReader(at('pipe')).resume())
    expect((await stat(at('pipe'))).isFIFO()).toBe(true)
    expect(await readFile('/proc/self/comm', 'utf8')).not.toBe('')
    for (const reader of readers) reader.destroy()
  })

  it('is not handed down to child processes', async () => {
    const fd = openFifo(at('pipe'), 'read')
    const flags = /flags:\s*(\d+)/.exec(await readFile(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0'
    closeSync(fd)
    expect(Number.parseInt(flags, 8) & 0o2000000).not.toBe(0)
  })
})
