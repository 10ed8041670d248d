/**
 * Recorded logs as files: what `tally export` gives. The first line says what the file is, every other one is an event with its whole
 * envelope; `data` and `meta` are the very text of the table, so that the hashes can be checked. The states that the machine was in stand
 * beside it, in `<name>.states.jsonl`, one line an event, with the fields of the context that the event changed.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerContext } from '../../machines/container-context.ts'
import { type Life, milestone, type SavedLife, save } from '../../machines/container-life.ts'
import { chainHash, genesis, type StoredEvent } from '../../src/store/chain.ts'
import type { EventRow } from '../../src/store/recorded.ts'

export interface LogHeader {
  readonly format: 'tallyman-log'
  readonly formatVersion: 1
  /** Version of the Tallyman that wrote it. */
  readonly tallyman: string
  readonly machineVersion: number
  /** Of each type of event in the file, the schema that was current. */
  readonly schemas: Readonly<Record<string, number>>
}

export interface RecordedLog {
  readonly name: string
  readonly header: LogHeader
  readonly rows: readonly EventRow[]
  readonly states: readonly RecordedState[]
}

export interface RecordedState extends SavedLife {
  readonly milestone: string
}

interface StateLine {
  readonly version: number
  readonly milestone: string
  readonly value: SavedLife['value']
  readonly changed: Partial<ContainerContext>
  /** Fields that the state before had. */
  readonly gone?: readonly string[]
}

export const logsRoot = join(import.meta.dirname, '../fixtures/logs')

export const logText = (header: LogHeader, rows: readonly EventRow[]): string =>
  [JSON.stringify(header), ...rows.map(eventLine)].map((line) => `${line}\n`).join('')

/** @param lives the state after each event. */
export function statesText(lives: readonly Life[]): string {
  const states = lives.map(recordedState)
  return states
    .map((state, index) => `${JSON.stringify(stateLine(state, states[index - 1], index))}\n`)
    .join('')
}

/** As JSON has it: without fields that are undefined. */
export function recordedState(life: Life): RecordedState {
  const saved = JSON.parse(JSON.stringify(save(life))) as SavedLife
  return { ...saved, milestone: milestone(saved.value) }
}

/** All logs of a directory of `test/fixtures/logs`. */
export function readLogs(directory: string): readonly RecordedLog[] {
  const root = join(logsRoot, directory)
  const names = readdirSync(root).flatMap((file) => /^(.+)\.states\.jsonl$/.exec(file)?.[1] ?? [])
  return names.sort().map((name) => readLog(root, name))
}

/** The version of the first event whose hash does not fit, if there is one. */
export function brokenAt(rows: readonly EventRow[]): number | undefined {
  let previous = genesis
  for (const [index, row] of rows.entries()) {
    if (row.version !== index + 1 || chainHash(previous, row) !== row.hash) return row.version
    previous = row.hash
  }
  return undefined
}

function eventLine({ position, stream, version, type, schema, data, meta, hash }: EventRow): string {
  const head = JSON.stringify({ position, stream, version, type, schema })
  return `${head.slice(0, -1)},"data":${data},"meta":${meta},"hash":"${hash}"}`
}

function stateLine(state: RecordedState, before: RecordedState | undefined, index: number): StateLine {
  const { value, context } = state
  const isNew = ([key, field]: [string, unknown]): boolean =>
    JSON.stringify(field) !== JSON.stringify(before?.context[key as keyof ContainerContext])
  const changed = Object.fromEntries(Object.entries(context).filter(isNew))
  const gone = Object.keys(before?.context ?? {}).filter((key) => !(key in context))
  return { version: index + 1, milestone: state.milestone, value, changed, ...(gone.length > 0 && { gone }) }
}

function readLog(root: string, name: string): RecordedLog {
  const [header, ...events] = linesOf(join(root, `${name}.jsonl`))
  return {
    name,
    header: header as LogHeader,
    rows: rowsOf(events),
    states: statesOf(linesOf(join(root, `${name}.states.jsonl`)) as readonly StateLine[]),
  }
}

/** @param events parsed lines of a log. */
export const rowsOf = (events: readonly unknown[]): readonly EventRow[] =>
  events.map((event) => rowOf(event as Record<'data' | 'meta', object> & EventRow))

/** What JSON.stringify wrote comes out of JSON.parse and JSON.stringify as it was. */
function rowOf(
  event: Omit<EventRow, keyof StoredEvent> & StoredEvent & { data: object; meta: object },
): EventRow {
  return { ...event, data: JSON.stringify(event.data), meta: JSON.stringify(event.meta) }
}

function statesOf(lines: readonly StateLine[]): readonly RecordedState[] {
  let context = {} as ContainerContext
  return lines.map(({ milestone: word, value, changed, gone = [] }) => {
    const left = Object.entries(context).filter(([key]) => !gone.includes(key))
    context = { ...(Object.fromEntries(left) as typeof context), ...changed }
    return { milestone: word, value, context }
  })
}

const linesOf = (path: string): readonly unknown[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
