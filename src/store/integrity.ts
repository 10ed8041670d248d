/** SQLite's own checks of the file: pages, indexes, constraints, references. */
import type { Connection } from './connection.ts'
import type { Damage } from './port.ts'

const most = 20

/** Holds its thread for the length of the file. */
export function checkFile(connection: Connection): readonly Damage[] {
  const found = connection.pragma(`integrity_check(${most})`) as readonly {
    readonly integrity_check: string
  }[]
  const lines = found.flatMap(({ integrity_check }) => integrity_check.split('\n'))
  const sentences = lines.filter((line) => line !== 'ok' && !line.startsWith('***'))
  return [...sentences.map((sentence) => damageOf(connection, sentence)), ...danglingTags(connection)]
}

/** `row 12 missing from index sqlite_autoindex_events_1` is about the event at position 12. */
function damageOf(connection: Connection, sentence: string): Damage {
  const [, position] = /^row (\d+) missing from index \S*events\S*$/.exec(sentence) ?? []
  const message = `the database file is damaged: ${sentence}`
  if (position === undefined) return { kind: 'file', message }
  const event = eventAt(connection, Number(position))
  return { kind: 'event', ...event, position: Number(position), message }
}

function eventAt(connection: Connection, position: number) {
  const select = connection.prepare<[number], { readonly stream: string; readonly version: number }>(
    'SELECT stream, version FROM events NOT INDEXED WHERE position = ?',
  )
  const { stream, version } = select.get(position) ?? { stream: '', version: 0 }
  return { stream: String(stream), version }
}

function danglingTags(connection: Connection): readonly Damage[] {
  const rows = connection.pragma('foreign_key_check') as readonly object[]
  if (rows.length === 0) return []
  return [{ kind: 'projection', message: `${rows.length} tags name an image that is not there` }]
}
