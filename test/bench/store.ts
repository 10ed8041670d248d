/** What an event costs: the append alone, with durability by group flush, and with synchronous=FULL commits instead. Run: node test/bench/store.ts [directory]. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { systemClock } from '../../src/clock.ts'
import { openAppender } from '../../src/store/appender.ts'
import { connect } from '../../src/store/connection.ts'
import { migrate } from '../../src/store/migrate.ts'
import { openStore, type Store } from '../../src/store/open.ts'

const migrations = new URL('../../migrations', import.meta.url).pathname
const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'tally-bench-'))
const context = { spec: 'c'.repeat(1500) }
const meta = { requestId: 'r', request: 'POST /v1.41/containers/x/start', uid: 0, pid: 1 }

let count = 0

/** The next event: containers of 14 events each, as a start and a stop have. */
function nextEvent() {
  const id = String(Math.floor(count / 14)).padStart(64, 'b')
  const expectedVersion = count++ % 14
  const event = { type: 'ShimStarted', runId: id, shimPid: count, shimStartTicks: '123456' }
  return { id, stream: `container/${id}`, expectedVersion, events: [event], origin: meta }
}

function append(store: Store): void {
  const { id, ...event } = nextEvent()
  const version = event.expectedVersion + 1
  const row = { id, name: id, version, removed: false, createdAt: '2026-11-24T06:32:43.123456789Z' }
  const project = () => store.containers.put({ ...row, state: { value: 'running', context } })
  store.events.append({ ...event, project })
}

async function appendDurably(store: Store): Promise<void> {
  append(store)
  await store.events.durable()
}

async function report(name: string, rounds: number, work: () => Promise<void> | void): Promise<void> {
  const times: number[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  for (let round = 0; round < rounds; round++) {
    const begin = performance.now()
    await work()
    times.push(performance.now() - begin)
  }
  delay.disable()
  times.sort((a, b) => a - b)
  const [p50, p99, most] = [0.5, 0.99, 1].map((part) => times[Math.ceil(part * rounds) - 1]?.toFixed(3))
  console.log(
    `${name}: p50 ${p50} ms, p99 ${p99} ms, max ${most} ms (loop delay max ${(delay.max / 1e6).toFixed(1)} ms)`,
  )
}

const fifty = Array.from({ length: 50 })

const store = openStore({ path: join(directory, 'group.db'), clock: systemClock, bootId: 'boot' })
await report('warm-up                           ', 300, () => append(store))
await report('append with projection            ', 3000, () => append(store))
await report('append + durable, one at a time   ', 600, () => appendDurably(store))
await report('append + durable, 50 at once      ', 60, async () => {
  await Promise.all(fifty.map(() => appendDurably(store)))
})
await store.close()

const full = connect(join(directory, 'full.db'))
migrate(full, migrations, systemClock.now())
full.pragma('synchronous = FULL')
full.pragma('wal_autocheckpoint = 1000')
count = 0
const fullAppender = openAppender(full, { clock: systemClock, bootId: 'boot', upcasts: {} })
const appendFull = () => void fullAppender.append(nextEvent())
await report('synchronous=FULL, one at a time   ', 600, appendFull)
await report('synchronous=FULL, 50 at once      ', 60, () => fifty.forEach(appendFull))
full.close()
rmSync(directory, { recursive: true })
