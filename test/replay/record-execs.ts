/** Leads real execs through all their lives and keeps their logs; a part of `npm run record:logs`, whose words it understands. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecEvent } from '../../machines/exec-events.ts'
import { type ExecLife, evolveExec, newExecLife } from '../../machines/exec-life.ts'
import manifest from '../../package.json' with { type: 'json' }
import { databasePath } from '../../src/paths.ts'
import { lookInto } from '../../src/store/offline.ts'
import { type EventRow, recordedEvent } from '../../src/store/recorded.ts'
import { currentSchema, upcasts } from '../../src/store/upcast.ts'
import { Daemon } from '../e2e/daemon.ts'
import { execLives } from './exec-lives.ts'
import { execLogsRoot, execStatesText } from './recorded-exec-log.ts'
import { type LogHeader, logText } from './recorded-log.ts'

const words = process.argv.slice(2)
const anew = words.includes('--anew')
const asked = words.filter((word) => !word.startsWith('--'))
const fileOf = (name: string): string => join(execLogsRoot, `${name}.jsonl`)
const wanted = Object.entries(execLives).filter(
  ([name]) => (asked.length === 0 || asked.includes(`exec-${name}`)) && (anew || !existsSync(fileOf(name))),
)

async function recordAll(): Promise<void> {
  const daemon = await new Daemon().start()
  try {
    await daemon.importBusybox()
    for (const [name, live] of wanted) {
      console.log(`exec-${name}`)
      await daemon.docker('run', '-d', '--network', 'none', '--name', name, 'bb', 'sleep', '1000')
      await live(daemon, name)
      await daemon.docker('kill', name)
    }
    await daemon.end()
    save(lookInto(databasePath(daemon), readRows))
  } finally {
    daemon.change({ environment: {} })
    await daemon.start()
    await daemon.destroy()
  }
}

const readRows: Parameters<typeof lookInto<EventRow[]>>[1] = (connection) =>
  connection.prepare<[], EventRow>("SELECT * FROM events WHERE stream GLOB 'exec/*' ORDER BY position").all()

function save(rows: readonly EventRow[]): void {
  mkdirSync(execLogsRoot, { recursive: true })
  for (const stream of Map.groupBy(rows, ({ stream }) => stream).values()) saveStream(stream)
}

/** Its container's name is the file's. */
function saveStream(rows: readonly EventRow[]): void {
  const events = rows.map((row) => recordedEvent<ExecEvent>(row, upcasts).event)
  const [first] = events
  if (first?.type !== 'ExecCreated') throw new Error('an exec without a beginning')
  const { name } = first.container
  writeFileSync(fileOf(name), logText(headerFor(events), rows))
  writeFileSync(join(execLogsRoot, `${name}.states.jsonl`), execStatesText(livesAfter(events)))
}

function headerFor(events: readonly ExecEvent[]): LogHeader {
  const types = [...new Set(events.map(({ type }) => type))].sort()
  const schemas = Object.fromEntries(types.map((type) => [type, currentSchema(upcasts, type)]))
  return { format: 'tallyman-log', formatVersion: 1, tallyman: manifest.version, machineVersion: 1, schemas }
}

function livesAfter(events: readonly ExecEvent[]): readonly ExecLife[] {
  const after: ExecLife[] = []
  for (const event of events) after.push(evolveExec(after.at(-1) ?? newExecLife(), event))
  return after
}

if (wanted.length > 0) await recordAll()
