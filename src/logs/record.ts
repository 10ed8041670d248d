/** One record of a json-file log: `{"log":"…","stream":"stdout","time":"…"}`, as Docker and our shim write it. */

export interface LogEntry {
  readonly stream: 'stdout' | 'stderr'
  /** RFC 3339 as it was written. */
  readonly time: string
  /** With its newline; without one it is a part of a line longer than 16 KiB, or the unfinished last line. */
  readonly log: string
}

const begin = '{"log":"'

/**
 * Reads one line of the file. A record that follows a torn one on the same line (a crash, then a new writer) is still found: inside of
 * JSON text the bytes of `begin` can't occur, because quotes are escaped there.
 */
export function parseRecord(line: string): {
  readonly entry: LogEntry | undefined
  readonly broken: boolean
} {
  const entry = decode(line)
  if (entry) return { entry, broken: false }
  const salvaged = line.lastIndexOf(begin)
  return { entry: salvaged > 0 ? decode(line.slice(salvaged)) : undefined, broken: true }
}

function decode(line: string): LogEntry | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isEntry(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isEntry(value: unknown): value is LogEntry {
  if (typeof value !== 'object' || value === null) return false
  const { log, stream, time } = value as Record<string, unknown>
  return (
    typeof log === 'string' &&
    (stream === 'stdout' || stream === 'stderr') &&
    typeof time === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(time)
  )
}
