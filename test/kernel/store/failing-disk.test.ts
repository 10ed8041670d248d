import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test as it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { TallyError } from '../../../src/errors.ts'
import { openStore, type Store } from '../../../src/store/open.ts'
import { breakFileSystem, fill, makeDisk, mountImage, repair } from './disk.ts'

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

describe('a disk that has become read-only', () => {
  it('refuses appends, answers reads, is not fatal, and has lost nothing when it is repaired', async () => {
    const directory = temporaryDirectory()
    const disk = makeDisk(directory)
    const fatal: unknown[] = []
    const onFatal = (error: unknown) => fatal.push(error)
    const options = { clock: systemClock, bootId: 'boot', onFatal, onWarning: () => undefined }
    const store = openStore({ ...options, path: join(disk.mountPoint, 'tallyman.db') })
    expect(appendAll(store, 20)).toBe(20)
    await store.events.durable()
    breakFileSystem(disk)
    const append = () => store.events.append({ stream: 's', expectedVersion: 20, events: [{ type: 'Late' }] })
    expect(append).toThrow(new TallyError('unavailable', 'read-only file system: the event log cannot grow'))
    expect(append).toThrow('read-only file system')
    expect(store.events.read('s')).toHaveLength(20)
    expect(store.events.verify()).toEqual({ events: 20, damage: undefined })
    expect(fatal).toEqual([])
    await store.close().catch(() => undefined)
    disk.unmount()

    repair(disk)
    const repaired = mountImage(disk.image, join(directory, 'repaired'))
    onTestFinished(repaired.unmount)
    const again = openStore({ ...options, path: join(repaired.mountPoint, 'tallyman.db') })
    expect(again.events.verify()).toEqual({ events: 20, damage: undefined })
    expect(appendAll(again, 5)).toBe(5)
    await again.close()
  })
})
