/** Files and directories that appear whole or not at all, also after a power cut: written aside, flushed, renamed, and the rename flushed. */
import { open, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** @param aside a directory of the same file system for what is not yet whole. */
export async function writeDurably(path: string, data: string | Uint8Array, aside: string): Promise<void> {
  const temporary = join(aside, basename(path))
  await using file = await open(temporary, 'w', 0o600)
  await file.writeFile(data)
  await file.sync()
  await moveDurably(temporary, path)
}

/** Renames what is flushed already. */
export async function moveDurably(from: string, to: string): Promise<void> {
  await rename(from, to)
  await syncDirectory(dirname(to))
}

/** Flushes the names in a directory, fsync(2). */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}
