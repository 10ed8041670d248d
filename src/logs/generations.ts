/**
 * The files of one rotated log as a chain from `P.N` (the oldest) to `P` (being written), safe against a rotation at any moment.
 *
 * A file is known by its inode, never by its name: names move up by one at each rotation (`P.1` → `P.2`, then `P` → `P.1`, then a new `P`), so
 * that one index may be missing for a moment. An open file keeps its inode from being used again, also after it was deleted.
 */
import type { BigIntStats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'

export interface Generation {
  readonly handle: FileHandle
  readonly stats: BigIntStats
}

/** The file being written; undefined if nothing was logged yet. */
export async function openNewest(path: string): Promise<Generation | undefined> {
  return (await tryOpen(path, 0)) ?? tryOpen(path, 1)
}

/** The file that was written before `file`. */
export function openOlder(path: string, file: Generation): Promise<Generation | undefined> {
  return openNeighbour(path, file, (index) => [index + 1, index + 2])
}

/** The file that was begun after `file`, once the writer has turned to it; the oldest there is if `file` was deleted meanwhile. */
export async function openNewer(path: string, file: Generation): Promise<Generation | undefined> {
  const index = await indexOf(path, file)
  if (index === undefined) return openOldest(path)
  return openNeighbour(path, file, (at) => [at - 1, at - 2])
}

/** Tries the places next to `file` until it stayed in its own place meanwhile. */
async function openNeighbour(
  path: string,
  file: Generation,
  places: (index: number) => readonly number[],
): Promise<Generation | undefined> {
  for (;;) {
    const index = await indexOf(path, file)
    if (index === undefined) return undefined
    const neighbour = await openFirst(path, places(index))
    if ((await indexOf(path, file)) === index) return neighbour
    await neighbour?.handle.close()
  }
}

async function openFirst(path: string, indexes: readonly number[]): Promise<Generation | undefined> {
  for (const index of indexes) {
    const file = index < 0 ? undefined : await tryOpen(path, index)
    if (file) return file
  }
  return undefined
}

/** Where `file` is now: upwards like the files move, so that a rotation can't hide it. */
async function indexOf(path: string, file: Generation): Promise<number | undefined> {
  for (let index = 0, missing = 0; missing < 2; index++) {
    const stats = await tryStat(nameOf(path, index))
    missing = stats ? 0 : missing + 1
    if (stats?.ino === file.stats.ino && stats.dev === file.stats.dev) return index
  }
  return undefined
}

/** Where the log begins. */
export async function openOldest(path: string): Promise<Generation | undefined> {
  let oldest = await openNewest(path)
  for (;;) {
    const older: Generation | undefined = oldest && (await openOlder(path, oldest))
    if (!older) return oldest
    await oldest?.handle.close()
    oldest = older
  }
}

async function tryOpen(path: string, index: number): Promise<Generation | undefined> {
  try {
    const handle = await open(nameOf(path, index), 'r')
    return { handle, stats: await handle.stat({ bigint: true }) }
  } catch (error) {
    return absent(error)
  }
}

async function tryStat(path: string): Promise<BigIntStats | undefined> {
  try {
    return await stat(path, { bigint: true })
  } catch (error) {
    return absent(error)
  }
}

/** @throws anything but "no such file". */
function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}

const nameOf = (path: string, index: number): string => (index === 0 ? path : `${path}.${index}`)
