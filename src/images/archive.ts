/**
 * An archive of images that came over the network, kept in one file and read from any place. Nothing in it is unpacked by name, so no name
 * in it can do harm: they are keys of a table.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { Readable } from 'node:stream'
import { badRequest } from '../errors.ts'
import { FileBytes } from './byte-source.ts'
import { decompress } from './decompress.ts'
import { DiskRoom } from './disk-room.ts'
import type { FileRange } from './extraction.ts'
import { type TarEntry, TarError } from './tar-header.ts'
import { TarReader } from './tar-reader.ts'

export interface ImageArchive {
  has(name: string): boolean
  /** Of a regular file, also by a link to it. @throws TallyError bad-request if there is none. */
  range(name: string): FileRange
  /** @throws TallyError bad-request if there is none or it is too large to be a config or manifest. */
  bytes(name: string): Promise<Uint8Array>
}

type Found = { readonly at: number; readonly size: number } | { readonly link: string }

/** No config, manifest or index is anywhere near as large. */
const MAX_DOCUMENT = 16 * 1024 * 1024
const MAX_ENTRIES = 100_000
const MAX_LINKS = 16

/** Stores the stream below `directory`. The stream is not destroyed. @throws TallyError bad-request for what is no tar. */
export async function receiveArchive(archive: Readable, directory: string): Promise<ImageArchive> {
  const path = join(directory, 'archive.tar')
  await using file = await open(path, 'wx', 0o600)
  const room = new DiskRoom(directory)
  for await (const chunk of decompress(archive.iterator({ destroyOnReturn: false }))) {
    room.take(chunk.length)
    await file.writeFile(chunk)
  }
  return openArchive(path, await tableOf(path))
}

function openArchive(path: string, table: ReadonlyMap<string, Found>): ImageArchive {
  const range = (name: string): FileRange => {
    const found = resolve(table, name)
    if (found === undefined) throw badRequest(`open ${name}: no such file or directory`)
    return { kind: 'file', path, start: found.at, end: found.at + found.size }
  }
  return {
    has: (name) => resolve(table, name) !== undefined,
    range,
    async bytes(name) {
      const { start, end } = range(name)
      if (end - start > MAX_DOCUMENT) throw badRequest(`${name} is too large`)
      await using file = await open(path, 'r')
      const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start)
      return buffer
    },
  }
}

/** Follows links by name, `docker save` makes them for layers that images share. */
function resolve(table: ReadonlyMap<string, Found>, name: string): { at: number; size: number } | undefined {
  let found = table.get(key(name) ?? '')
  for (let links = 0; found !== undefined && 'link' in found; links++) {
    if (links > MAX_LINKS) return undefined
    found = table.get(found.link)
  }
  return found
}

async function tableOf(path: string): Promise<ReadonlyMap<string, Found>> {
  await using file = await open(path, 'r')
  try {
    return await readTable(file)
  } catch (error) {
    throw error instanceof TarError ? badRequest(`Error processing tar file: ${error.message}`, error) : error
  }
}

async function readTable(file: FileHandle): Promise<ReadonlyMap<string, Found>> {
  const table = new Map<string, Found>()
  const { size } = await file.stat()
  const tar = new TarReader(new FileBytes(file, size))
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
    if (table.size >= MAX_ENTRIES) throw new TarError('too many entries')
    const name = key(entry.name)
    const found = foundOf(entry, tar.position)
    if (name !== undefined && found !== undefined) table.set(name, found)
  }
  return table
}

/** A link with no target in the archive is kept out: it could only be misread. */
function foundOf(entry: TarEntry, position: number): Found | undefined {
  if (entry.type === 'file' && entry.sparse === undefined) return { at: position, size: entry.size }
  if (entry.type !== 'link' && entry.type !== 'symlink') return undefined
  const base = entry.type === 'link' ? '' : `${posix.dirname(entry.name)}/`
  const link = key(`${base}${entry.linkName}`)
  return link === undefined ? undefined : { link }
}

/** The name that a path means. @returns undefined for one that means nothing inside the archive. */
function key(name: string): string | undefined {
  const path = posix.normalize(name).replace(/^\/+|\/+$/g, '')
  return path === '.' || path === '..' || path.startsWith('../') ? undefined : path
}
