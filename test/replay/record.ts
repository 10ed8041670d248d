/**
 * `npm run record:logs [-- --anew] [NAME…]`: leads real containers through all lives and keeps their logs and states for the tests, in the
 * directory of today's machine. A log that is there already stays as it is, for recorded logs must replay for ever; `--anew` is for one
 * that was never released. Those of execs come after them, by names that begin with `exec-`.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerEvent } from '../../machines/container-events.ts'
import { evolve, type Life, machineVersion, newLife } from '../../machines/container-life.ts'
import manifest from '../../package.json' with { type: 'json' }
import { databasePath } from '../../src/paths.ts'
import { lookInto } from '../../src/store/offline.ts'
import { type EventRow, recordedEvent } from '../../src/store/recorded.ts'
import { currentSchema, upcasts } from '../../src/store/upcast.ts'
import { Daemon } from '../e2e/daemon.ts'
import { lives } from './lives.ts'
import { type LogHeader, logsRoot, logText, statesText } from './recorded-log.ts'

const directory = join(logsRoot, String(machineVersion))
const words = process.argv.slice(2)
const anew = words.includes('--anew')
const asked = words.filter((word) => !word.startsWith('--'))
const fileOf = (name: string): string => join(directory, `${name}.jsonl`)
const wanted = Object.entries(lives).filter(
  ([name]) => (asked.length === 0 || asked.includes(name)) && (anew || !existsSync(fileOf(name))),
)

async function recordAll(): Promise<void> {
  const daemon = await new Daemon().start()
  try {
    await daemon.importBusybox()
    for (const [name, live] of wanted) {
      console.log(name)
      await live(daemon, name)
    }
    await daemon.end()
    save(lookInto(databasePath(daemon), readRows))
  } finally {
    daemon.change({ environment: {}, wrapper: [] })
    await daemon.start()
    await daemon.destroy()
  }
}

const readRows: Parameters<typeof lookInto<EventRow[]>>[1] = (connection) =>
  connection
    .prepare<[], EventRow>("SELECT * FROM events WHERE stream GLOB 'container/*' ORDER BY position")
    .all()

function save(rows: readonly EventRow[]): void {
  mkdirSync(directory, { recursive: true })
  const streams = Map.groupBy(rows, ({ stream }) => stream)
  for (const stream of streams.values()) saveStream(stream)
}

/** The name that the container was created with is the file's. */
function saveStream(rows: readonly EventRow[]): void {
  const events = rows.map((row) => recordedEvent<ContainerEvent>(row, upcasts).event)
  const [first] = events
  if (first?.type !== 'ContainerCreated') throw new Error('a container without a beginning')
  writeFileSync(fileOf(first.name), logText(headerFor(events), rows))
  writeFileSync(join(directory, `${first.name}.states.jsonl`), statesText(livesAfter(events)))
}

function headerFor(events: readonly ContainerEvent[]): LogHeader {
  const types = [...new Set(events.map(({ type }) => type))].sort()
  const schemas = Object.fromEntries(types.map((type) => [type, currentSchema(upcasts, type)]))
  return { format: 'tallyman-log', formatVersion: 1, tallyman: manifest.version, machineVersion, schemas }
}

function livesAfter(events: readonly ContainerEvent[]): readonly Life[] {
  const after: Life[] = []
  for (const event of events) after.push(evolve(after.at(-1) ?? newLife(), event))
  return after
}

if (wanted.length === 0) console.log('nothing to record: every life has its log (--anew to replace them)')
else await recordAll()
await import('./record-execs.ts')
