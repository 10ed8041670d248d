/** A directory that stands for a container's root, with a host around it that must not be touched. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach } from 'vitest'
import { packPath, unpackArchive } from '../../../src/archive/files.ts'
import type { View, ViewMount } from '../../../src/archive/view.ts'
import { StreamBytes } from '../../../src/images/byte-source.ts'
import { TarReader } from '../../../src/images/tar-reader.ts'

export let base = ''
export const inside = (...names: readonly string[]): string => join(base, 'root', ...names)
export const outside = (...names: readonly string[]): string => join(base, 'host', ...names)

export function useTree(): void {
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'tally-archive-'))
    mkdirSync(inside('etc'), { recursive: true })
    mkdirSync(outside())
    writeFileSync(outside('secret'), 'secret')
    chmodSync(outside('secret'), 0o600)
  })
  afterEach(() => rmSync(base, { recursive: true, force: true }))
}

export const view = (...mounts: readonly ViewMount[]): View => ({ rootfs: inside(), mounts })

export interface Unpacked {
  readonly name: string
  readonly type: string
  readonly linkName: string
  readonly text: string
}

/** All that an archive of `path` holds. */
export async function packed(path: string, from = view()): Promise<readonly Unpacked[]> {
  await using archive = await packPath(from, path)
  return await entriesOf(archive.chunks)
}

export async function entriesOf(chunks: AsyncIterable<Uint8Array>): Promise<readonly Unpacked[]> {
  const tar = new TarReader(new StreamBytes(chunks))
  const found: Unpacked[] = []
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
    const parts: Buffer[] = []
    for (let part = await tar.read(); part !== undefined; part = await tar.read())
      parts.push(Buffer.from(part))
    const { name, type, linkName } = entry
    found.push({ name, type, linkName, text: Buffer.concat(parts).toString() })
  }
  return found
}

export interface PutChoice {
  readonly into?: View
  readonly readOnlyRoot?: boolean
  readonly keepKinds?: boolean
  readonly user?: string
}

export function put(
  path: string,
  archive: Buffer,
  { into = view(), ...choice }: PutChoice = {},
): Promise<void> {
  const task = { view: into, path, readOnlyRoot: false, keepKinds: false, ...choice }
  return unpackArchive(task, Readable.from([archive]))
}
