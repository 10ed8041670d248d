/** A container's events as `tally history` shows them: a table for people, JSON lines for programs. */
import { nanoseconds } from '../clock.ts'

/** One line of `GET /tally/containers/{id}/events`. */
export interface HistoryEvent {
  readonly position: number
  readonly version: number
  readonly type: string
  readonly time: string
  readonly data: Readonly<Record<string, unknown>>
  readonly meta: { readonly monotonic: string; readonly bootId: string }
}

/** Makes a part of the table stand out; does nothing where colours are not wanted. */
export type Paint = (style: 'bold' | 'dim' | 'red', text: string) => string

const headings = ['POSITION', 'VERSION', 'TIME', 'AFTER', 'EVENT', 'DATA'] as const
const rightAligned: ReadonlySet<number> = new Set([0, 1, 3])

/** An aligned table, one line each with a newline. */
export function historyTable(events: readonly HistoryEvent[], paint: Paint): string {
  const rows = events.map((event, index) => cells(event, events[index - 1]))
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: readonly string[]) => aligned(row, widths)
  const body = rows.map((row, index) => paintRow(line(row), events[index]?.type ?? '', paint))
  return [paint('bold', line(headings)), ...body].map((text) => `${text}\n`).join('')
}

/** One event a line, for programs. */
export const historyJson = ({ position, version, type, time, data }: HistoryEvent): string =>
  `${JSON.stringify({ position, version, type, time, data })}\n`

const cells = (event: HistoryEvent, previous: HistoryEvent | undefined): readonly string[] => [
  String(event.position),
  String(event.version),
  `${event.time.slice(0, 23)}Z`,
  previous === undefined ? '' : duration(elapsed(previous, event)),
  event.type,
  shortData(event.data),
]

/** The last column is not padded, so that lines have no trailing spaces. */
function aligned(row: readonly string[], widths: readonly number[]): string {
  const padded = row.map((cell, column) => {
    const width = widths[column] ?? 0
    return rightAligned.has(column) ? cell.padStart(width) : cell.padEnd(width)
  })
  return padded.join('  ').trimEnd()
}

function paintRow(line: string, type: string, paint: Paint): string {
  return /Failed$|^OomKilled$/.test(type) ? paint('red', line) : line
}

/** By the clock that never jumps, unless the machine was booted in between. */
function elapsed(from: HistoryEvent, to: HistoryEvent): bigint {
  if (from.meta.bootId === to.meta.bootId) return BigInt(to.meta.monotonic) - BigInt(from.meta.monotonic)
  return nanoseconds(to.time) - nanoseconds(from.time)
}

const units = [
  { name: 'd', size: 86_400_000_000_000n },
  { name: 'h', size: 3_600_000_000_000n },
  { name: 'min', size: 60_000_000_000n },
  { name: 's', size: 1_000_000_000n },
  { name: 'ms', size: 1_000_000n },
  { name: 'us', size: 1_000n },
] as const

/** Three digits or so: `+412 us`, `+1.25 ms`, `+3.40 h`. */
export function duration(span: bigint): string {
  const sign = span < 0n ? '-' : '+'
  const size = span < 0n ? -span : span
  const unit = units.find((candidate) => size >= candidate.size) ?? units[5]
  const value = Number(size) / Number(unit.size)
  return `${sign}${value.toFixed(value >= 100 || unit.name === 'us' ? 0 : value >= 10 ? 1 : 2)} ${unit.name}`
}

const longestValue = 60

/** `name=web exitCode=137 spec={…}`: enough to follow the story; --json has all of it. */
function shortData(data: Readonly<Record<string, unknown>>): string {
  return Object.entries(data)
    .map(([key, value]) => `${key}=${shortValue(value)}`)
    .join(' ')
}

function shortValue(value: unknown): string {
  if (typeof value === 'object' && value !== null) return brief(value)
  const text = String(value).replace(/[0-9a-f]{64}/g, (id) => id.slice(0, 12))
  const plain = /[\s"\p{Cc}]/u.test(text) ? JSON.stringify(text) : text
  return plain.length > longestValue ? `${plain.slice(0, longestValue - 1)}…` : plain
}

/** A failure's message is what one looks for; other objects are too long for a table. */
const brief = (value: object): string =>
  'message' in value && typeof value.message === 'string' ? shortValue(value.message) : '{…}'
