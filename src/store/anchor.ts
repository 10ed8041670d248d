/**
 * The head anchor: a small file beside the database that says how far the log had durably come. A flipped byte in the WAL makes SQLite drop
 * the commits behind it as if they had never been, and the chain of what is left is sound; only something outside can tell.
 */
import { readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { TallyError } from '../errors.ts'
import type { Connection } from './connection.ts'

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
  const anchor = readAnchor(fileOf(path))
  if (anchor === undefined) return
  const select = connection.prepare<[number], string>('SELECT hash FROM events WHERE position = ?').pluck()
  if (select.get(anchor.position) !== anchor.hash) throw truncated(path, anchor)
}

function readAnchor(file: string): Head | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Head
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function truncated(path: string, { position }: Head): TallyError {
  const lost = `the event log ${path} has lost events: it once held position ${position} and no longer holds that event`
  const choice = `restore the database, or remove ${fileOf(path)} to go on with what is left`
  return new TallyError('unavailable', `${lost}; ${choice}`)
}

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
