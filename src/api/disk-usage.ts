/** Bytes that directories take, counted by walking them, as `docker system df` and `docker history` show them. */
import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { layerPath, type Roots } from '../paths.ts'

/** What a layer's own files take. */
export const layerSize = (roots: Roots, layer: string): Promise<number> =>
  directorySize(join(layerPath(roots, layer), 'diff'))

/** Apparent sizes of the files below `path`, a file with several names once; 0 if there is no such directory. */
export async function directorySize(path: string): Promise<number> {
  const seen = new Set<string>()
  let size = 0
  const pending = [path]
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    for (const entry of await entriesOf(directory)) {
      if (entry.isDirectory()) pending.push(entry.path)
      else size += await newSize(entry.path, seen)
    }
  }
  return size
}

interface Entry {
  readonly path: string
  isDirectory(): boolean
}

async function entriesOf(directory: string): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  try {
    for await (const entry of await opendir(directory)) {
      entries.push({ path: join(directory, entry.name), isDirectory: () => entry.isDirectory() })
    }
  } catch (error) {
    if (!isGone(error)) throw error
  }
  return entries
}

async function newSize(path: string, seen: Set<string>): Promise<number> {
  try {
    const { dev, ino, nlink, size } = await lstat(path)
    if (nlink > 1 && seen.has(`${dev}:${ino}`)) return 0
    if (nlink > 1) seen.add(`${dev}:${ino}`)
    return size
  } catch (error) {
    if (isGone(error)) return 0
    throw error
  }
}

/** Containers write and delete while we count. */
const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
