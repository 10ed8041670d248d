/**
 * The head anchor: a small file beside the database that says how far the log had durably come. A flipped byte in the WAL makes SQLite drop
 * the commits behind it as if they had never been, and the chain of what is left is sound; only something outside can tell.
 */
import { existsSync, readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { TallyError } from '../errors.ts'
import type { Connection } from './connection.ts'
import type { Damage } from './port.ts'

export interface Head {
  readonly position: number
  readonly hash: string
}

export interface Anchor {
  /** The log is durable up to `head`. */
  moved(head: Head): void
  /** Writes what has not been written yet. */
  close(): Promise<void>
}

export interface AnchorOptions {
  /** Gets the error when the file could not be written; the old one stays and is true, if late. */
  readonly onWarning: (error: unknown) => void
  /** The file is written at most this often. */
  readonly intervalMilliseconds?: number
}

const fileOf = (path: string): string => `${path}.head`

/** @param path of the database. */
export function openAnchor(path: string, { onWarning, intervalMilliseconds = 1000 }: AnchorOptions): Anchor {
  let latest: Head | undefined
  let timer: NodeJS.Timeout | undefined
  let writing = Promise.resolve()

  function write(): void {
    const head = latest
    timer = undefined
    latest = undefined
    if (head !== undefined) writing = writing.then(() => writeAside(fileOf(path), head)).catch(onWarning)
  }

  return {
    moved(head) {
      latest = head
      timer ??= setTimeout(write, intervalMilliseconds).unref()
    },
    async close() {
      clearTimeout(timer)
      write()
      await writing
    },
  }
}

/** @throws TallyError unavailable if the log does not hold the event that the anchor names. */
export function checkAnchor(connection: Connection, path: string): void {
  const anchor = readAnchor(path)
  if (anchor === undefined || holds(connection, anchor)) return
  const choice = `restore the database, or remove ${fileOf(path)} to go on with what is left`
  throw new TallyError('unavailable', `the event log ${path} ${lost(anchor)}; ${choice}`)
}

/** The same as something that was found. */
export function requireHead(connection: Connection, head: Head): readonly Damage[] {
  return holds(connection, head) ? [] : [{ kind: 'file', message: `the log ${lost(head)}` }]
}

/** @param path of the database. @throws TallyError unavailable for a file that says nothing. */
export function readAnchor(path: string): Head | undefined {
  const file = fileOf(path)
  if (!existsSync(file)) return undefined
  const { position, hash } = parsed(readFileSync(file, 'utf8'))
  if (typeof position === 'number' && typeof hash === 'string') return { position, hash }
  const choice = 'remove it to go on without the proof that the log is whole'
  throw new TallyError('unavailable', `the head anchor ${file} is damaged; ${choice}`)
}

function parsed(text: string): Partial<Record<keyof Head, unknown>> {
  try {
    return { ...(JSON.parse(text) as object) }
  } catch {
    return {}
  }
}

function holds(connection: Connection, { position, hash }: Head): boolean {
  const select = connection.prepare<[number], string>('SELECT hash FROM events WHERE position = ?').pluck()
  return select.get(position) === hash
}

const lost = ({ position }: Head): string =>
  `has lost events: it once held position ${position} and no longer holds that event`

async function writeAside(file: string, { position, hash }: Head): Promise<void> {
  const aside = await open(`${file}.new`, 'w', 0o600)
  try {
    await aside.writeFile(`${JSON.stringify({ position, hash })}\n`)
    await aside.datasync()
  } finally {
    await aside.close()
  }
  await rename(`${file}.new`, file)
}
