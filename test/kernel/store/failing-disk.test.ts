import { execFile } from 'node:child_process'
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test as it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { TallyError } from '../../../src/errors.ts'
import { openStore, type Store } from '../../../src/store/open.ts'
import { makeDisk } from './disk.ts'

const noSpace = 'no space left on device: the event log cannot grow'
const script = new URL('append-and-flush.ts', import.meta.url).pathname

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tally-failing-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return directory
}

/** Runs the appender while strace makes one of its calls fail. @returns how it ended. */
function appendWithFault(
  path: string,
  inject: string,
): Promise<{ readonly code: number; readonly stderr: string }> {
  const call = inject.slice(0, inject.indexOf(':'))
  const strace = ['-f', '-qq', '-o', `${path}.strace`, '-e', `trace=${call}`, '-e', `inject=${inject}`]
  return new Promise((resolve) => {
    const command = [...strace, process.execPath, script, path]
    execFile('strace', command, { timeout: 30_000 }, (error, _, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stderr })
    })
  })
}

describe('a disk that fails', () => {
  it.each([
    ['our flush', 'fdatasync:error=EIO:when=5'],
    ['a checkpoint', 'fsync:error=EIO:when=12+'],
    ['the write of a commit', 'pwrite64:error=EIO:when=300'],
  ])(
    'in %s ends the daemon with one sentence, and the log is sound when it is opened again',
    async (_, inject) => {
      const path = join(temporaryDirectory(), 'tallyman.db')
      const { code, stderr } = await appendWithFault(path, inject)
      expect(stderr).toMatch(
        /^tallyd: the event store failed and cannot be trusted until it is opened again: .+\n$/,
      )
      expect(code).toBe(1)
      const store = openStore({ path, clock: systemClock, bootId: 'boot' })
      expect(store.events.verify()).toEqual({ events: store.events.head(), damage: undefined })
      await store.close()
    },
  )
})

/** Takes all the room that is left, to the last block. */
function fill(path: string): void {
  const descriptor = openSync(path, 'w')
  try {
    for (let size = 1 << 20; size >= 512; size /= 2) while (fits(descriptor, size)) fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function fits(descriptor: number, size: number): boolean {
  try {
    return writeSync(descriptor, Buffer.alloc(size)) > 0
  } catch {
    return false
  }
}

/** Appends until it is refused. @returns how many appends succeeded. */
function appendAll(store: Store, limit: number): number {
  for (let appended = 0; appended < limit; appended++) {
    const expectedVersion = store.events.read('s').length
    const events = [{ type: 'Filled', with: 'x'.repeat(3000) }]
    try {
      store.events.append({ stream: 's', expectedVersion, events })
    } catch (error) {
      if (!(error instanceof TallyError) || error.message !== noSpace) throw error
      return appended
    }
  }
  return limit
}

describe('a disk that is full', () => {
  it('refuses appends, keeps what it has, and takes appends again when there is room', async () => {
    const disk = makeDisk(temporaryDirectory())
    onTestFinished(disk.unmount)
    const fatal: unknown[] = []
    const onFatal = (error: unknown) => fatal.push(error)
    const path = join(disk.mountPoint, 'tallyman.db')
    const ballast = join(disk.mountPoint, 'ballast')
    const onWarning = () => undefined
    const open = () => openStore({ path, clock: systemClock, bootId: 'boot', onFatal, onWarning })

    const first = open()
    expect(appendAll(first, 20)).toBe(20)
    fill(ballast)
    const squeezed = appendAll(first, 5000)
    expect(squeezed).toBeLessThan(5000)
    expect(first.events.verify()).toEqual({ events: 20 + squeezed, damage: undefined })
    await first.events.durable()
    await first.close()

    const second = open()
    expect(second.events.head()).toBe(20 + squeezed)
    rmSync(ballast)
    expect(appendAll(second, 20)).toBe(20)
    expect(second.events.verify()).toEqual({ events: 40 + squeezed, damage: undefined })
    await second.close()
    expect(fatal).toEqual([])
  })
})
