import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test as it, onTestFinished } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { readAnchor, requireHead } from '../../../src/store/anchor.ts'
import { checkFile } from '../../../src/store/integrity.ts'
import { lookInto } from '../../../src/store/offline.ts'
import { openStore, type Store } from '../../../src/store/open.ts'
import { verifyLog } from '../../../src/store/verify.ts'
import { project, projections } from './projection.ts'

const script = new URL('append-and-flush.ts', import.meta.url).pathname
const rounds = 50

interface Killed {
  /** The highest position that was promised. */
  readonly promised: number
}

/** Kills it at any moment after its first promise, in the middle of a commit, a flush or a checkpoint as it happens. */
async function appendUntilKilled(path: string): Promise<Killed> {
  const child = spawn(process.execPath, [script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = linesOf(child)
  const first = await lines.next()
  const killed = sleep(Math.random() * 60).then(() => child.kill('SIGKILL'))
  let promised = Number(first.value)
  for await (const line of lines) promised = Number(line)
  await killed
  return { promised }
}

async function* linesOf(child: ChildProcess): AsyncGenerator<string> {
  if (child.stdout === null) throw new Error('no stdout')
  const closed = once(child, 'close')
  yield* createInterface(child.stdout)
  await closed
}

/** As the killed process left it, before anybody has opened it for writing. */
function inspect(path: string): { readonly events: number; readonly damages: readonly unknown[] } {
  const head = readAnchor(path)
  return lookInto(path, (connection) => {
    const { events, damage } = verifyLog(connection)
    const lost = head === undefined ? [] : requireHead(connection, head)
    return { events, damages: [...checkFile(connection), ...lost, ...(damage ? [damage] : [])] }
  })
}

function rebuilt(store: Store): unknown {
  store.rebuild((event) => project(store, [event]))
  return projections(store)
}

it(`SIGKILL while committing, ${rounds} times on one database, leaves it whole with all that was promised`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tally-sigkill-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'tallyman.db')
  let before: readonly string[] = []
  for (let round = 1; round <= rounds; round += 1) {
    const { promised } = await appendUntilKilled(path)
    const { events, damages } = inspect(path)
    expect(damages, `round ${round}`).toEqual([])
    expect(events).toBeGreaterThanOrEqual(promised)
    // After every other round the next process finds the WAL of this one, not what a store that was closed leaves.
    if (round % 2 === 1) continue
    const store = openStore({ path, clock: systemClock, bootId: 'boot' })
    const hashes = [...store.events.readAll()].map(({ hash }) => hash)
    expect(hashes.length).toBe(events)
    expect(hashes.slice(0, before.length)).toEqual(before)
    expect(projections(store)).toEqual(rebuilt(store))
    before = hashes
    await store.close()
  }
}, 300_000)
