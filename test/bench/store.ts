/**
 * What an event costs: the append alone, with durability by group flush, and with synchronous=FULL commits of the same rows instead.
 * The two ways take turns, so that both meet the same disk. Run: node test/bench/store.ts [directory].
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.ts'
import { openAppender } from '../../src/store/appender.ts'
import { connect } from '../../src/store/connection.ts'
import { openContainers } from '../../src/store/containers.ts'
import { migrate } from '../../src/store/migrate.ts'
import { openStore } from '../../src/store/open.ts'
import type { ContainerRows, EventStore } from '../../src/store/port.ts'

type Target = Pick<EventStore, 'append'> & Pick<ContainerRows, 'put'>

const migrations = new URL('../../migrations', import.meta.url).pathname
const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'tally-bench-'))
const state = { value: 'running', context: { spec: 'c'.repeat(1500) } }
const origin = { requestId: 'r', request: 'POST /v1.41/containers/x/start', uid: 0, pid: 1 }
const fifty = Array.from({ length: 50 })

/** Appends an event with its projection: containers of 14 events each, as a start and a stop have. */
function appending({ append, put }: Target): () => void {
  let count = 0
  return () => {
    const id = String(Math.floor(count / 14)).padStart(64, 'b')
    const expectedVersion = count++ % 14
    const row = { id, name: id, version: expectedVersion + 1, removed: false, createdAt: '2026-11-24', state }
    const events = [{ type: 'ShimStarted', runId: id, shimPid: count, shimStartTicks: '123456' }]
    append({ stream: `container/${id}`, expectedVersion, events, origin, project: () => put(row) })
  }
}

async function time(times: number[], work: () => Promise<unknown> | unknown): Promise<void> {
  const begin = performance.now()
  await work()
  times.push(performance.now() - begin)
}

function report(name: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.ceil(part * sorted.length) - 1]?.toFixed(3)
  console.log(`${name}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (n ${sorted.length})`)
}

async function takeTurns(rounds: number, works: Readonly<Record<string, () => Promise<unknown> | unknown>>) {
  const all = Object.entries(works).map(([name, work]) => ({ name, work, times: [] as number[] }))
  for (let round = 0; round < rounds; round++) for (const { work, times } of all) await time(times, work)
  for (const { name, times } of all) report(name, times)
}

const store = openStore({ path: join(directory, 'group.db'), clock: systemClock, bootId: 'boot' })
const append = appending({ append: store.events.append, put: store.containers.put })
const appendDurably = () => {
  append()
  return store.events.durable()
}

const full = connect(join(directory, 'full.db'))
migrate(full, migrations, systemClock.now())
full.pragma('synchronous = FULL')
full.pragma('wal_autocheckpoint = 1000')
const { put } = openContainers(full, (work) => work())
const appendFull = appending({
  ...openAppender(full, { clock: systemClock, bootId: 'boot', upcasts: {} }),
  put,
})

for (let warmUp = 0; warmUp < 300; warmUp++) append()
await takeTurns(2000, { 'append with projection': append })
await takeTurns(400, { 'one, append + durable': appendDurably, 'one, synchronous=FULL': appendFull })
await takeTurns(40, {
  'fifty at once, append + durable': () => Promise.all(fifty.map(appendDurably)),
  'fifty at once, synchronous=FULL': () => fifty.forEach(appendFull),
})
await store.close()
full.close()
rmSync(directory, { recursive: true })
