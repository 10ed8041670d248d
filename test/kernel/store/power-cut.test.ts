import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test as it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { openStore, type Store } from '../../../src/store/open.ts'
import { copyImage, type Disk, makeDisk, mountImage } from './disk.ts'
import { project, projections } from './projection.ts'

const script = new URL('append-and-flush.ts', import.meta.url).pathname

interface Appender {
  readonly child: ChildProcess
  /** The highest position that was promised so far. */
  promised(): number
}

function temporaryDisk(): { readonly directory: string; readonly disk: Disk } {
  const directory = mkdtempSync(join(tmpdir(), 'tally-power-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const disk = makeDisk(directory)
  onTestFinished(disk.unmount)
  return { directory, disk }
}

function startAppender(path: string, ...options: string[]): Appender {
  const child = spawn(process.execPath, [script, path, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => end(child))
  let promised = 0
  if (child.stdout === null) throw new Error('no stdout')
  createInterface(child.stdout).on('line', (line) => {
    promised = Math.max(promised, Number(line))
  })
  return { child, promised: () => promised }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const closed = once(child, 'close')
  child.kill('SIGKILL')
  await closed
}

/** Stops all threads of the appender, so that nothing but what already went to the device is on the copy. */
async function cutPower({ child, promised }: Appender, disk: Disk, copy: string): Promise<number> {
  child.kill('SIGSTOP')
  while (!isStopped(child.pid ?? 0)) await sleep(1)
  while (!copyImage(disk, copy)) await sleep(1)
  await sleep(20)
  child.kill('SIGCONT')
  return promised()
}

function isStopped(pid: number): boolean {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads.every((thread) => / T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')))
}

const openAt = (mountPoint: string): Store =>
  openStore({
    path: join(mountPoint, 'tallyman.db'),
    clock: systemClock,
    bootId: 'boot',
    onFatal: () => undefined,
  })

const hashes = ({ events }: Store): readonly string[] => [...events.readAll()].map(({ hash }) => hash)

/** Opens what a cut left and holds the store to its word. @returns the hashes of the events that survived. */
async function inspect(copy: string, mountPoint: string): Promise<readonly string[]> {
  const disk = mountImage(copy, mountPoint)
  try {
    const store = openAt(disk.mountPoint)
    const log = [...store.events.readAll()]
    expect(log.map(({ position }) => position)).toEqual(log.map((_, index) => index + 1))
    expect(store.events.verify()).toEqual({ events: log.length, damage: undefined })
    const found = projections(store)
    store.rebuild((event) => project(store, [event]))
    expect(found).toEqual(projections(store))
    await store.close()
    return log.map(({ hash }) => hash)
  } finally {
    disk.unmount()
  }
}

async function reach(appender: Appender, position: number): Promise<void> {
  while (appender.promised() < position) await sleep(2)
}

describe('a power cut', () => {
  it('at any moment leaves a clean beginning of the log with every event that was promised', async () => {
    const { directory, disk } = temporaryDisk()
    const appender = startAppender(join(disk.mountPoint, 'tallyman.db'))
    const cuts: { readonly promised: number; readonly survived: readonly string[] }[] = []
    for (let cut = 0; cut < 10; cut++) {
      await reach(appender, appender.promised() + 1 + Math.floor(Math.random() * 600))
      const copy = join(directory, `cut-${cut}.img`)
      const promised = await cutPower(appender, disk, copy)
      cuts.push({ promised, survived: await inspect(copy, join(directory, `cut-${cut}`)) })
      rmSync(copy)
    }
    await end(appender.child)
    // The promise has to hold across checkpoints: some were made, or the database would still be empty.
    expect(statSync(join(disk.mountPoint, 'tallyman.db')).size).toBeGreaterThan(200_000)
    const store = openAt(disk.mountPoint)
    const all = hashes(store)
    await store.close()
    for (const { promised, survived } of cuts) {
      expect(survived.length).toBeGreaterThanOrEqual(promised)
      expect(survived).toEqual(all.slice(0, survived.length))
    }
  })

  it('takes what was promised without a flush, so this simulation can tell', async () => {
    const { directory, disk } = temporaryDisk()
    const appender = startAppender(join(disk.mountPoint, 'tallyman.db'), 'lie')
    await reach(appender, 50)
    const copy = join(directory, 'cut.img')
    const promised = await cutPower(appender, disk, copy)
    await end(appender.child)
    expect((await inspect(copy, join(directory, 'cut'))).length).toBeLessThan(promised)
  })
})
