/**
 * Puts the entries of an archive into a directory of a container, which may run meanwhile: every file is made and then described by its
 * descriptor, so that a link put in its place is never followed. Synchronous: for a worker thread.
 */
import { type BigIntStats, closeSync, constants, ftruncateSync, writeSync } from 'node:fs'
import { fullPath, type LayerPath, layerPath } from '../images/layer-path.ts'
import { type Segment, type TarEntry, TarError } from '../images/tar-header.ts'
import { failedWith } from '../kernel/addon.ts'
import { makeDirectoryAt, makeLinkAt, makeNodeAt, makeSymlinkAt, openConfined } from '../kernel/at.ts'
import {
  closing,
  openEntry,
  setAttribute,
  setMode,
  setOwner,
  setTime,
  statOf,
  tryOpenEntry,
} from './inode.ts'
import { isDirectory } from './lower-tree.ts'
import { removeEntry } from './removal.ts'
import { makeDirectories } from './view.ts'

export interface WriteOptions {
  /** A descriptor of the container's root. */
  readonly root: number
  /** The directory that it goes into: a binary string, resolved, without slashes at its ends. */
  readonly point: string
  /** A directory is not replaced by something else, nor the other way round. */
  readonly keepKinds: boolean
  /** Instead of those that the archive says. */
  readonly owner?: { readonly uid: number; readonly gid: number }
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
const ATTRIBUTE_RECORD = 'SCHILY.xattr.'

const nodeKinds = { character: constants.S_IFCHR, block: constants.S_IFBLK, fifo: constants.S_IFIFO } as const

interface Place {
  readonly directory: number
  readonly name: Buffer
}

export class TreeWriter {
  readonly #options: WriteOptions
  readonly #directoryTimes = new Map<string, bigint>()

  constructor(options: WriteOptions) {
    this.#options = options
  }

  /** @param data the entry's own. @throws TarError, SyscallError */
  async add(entry: TarEntry, data: AsyncIterable<Buffer>): Promise<void> {
    const path = this.#pathOf(entry)
    if (path === undefined) return
    const { point, root } = this.#options
    const directory = makeDirectories(root, joined(point, path.directory))
    try {
      const place = { directory, name: Buffer.from(path.name, 'latin1') }
      this.#makeRoom(place, path, entry)
      await this.#make(place, entry, data)
      if (entry.type === 'directory') this.#directoryTimes.set(fullPath(path), entry.modified)
    } finally {
      closeSync(directory)
    }
  }

  /** Writing into a directory changes its time, so it is set at the end. */
  finish(): void {
    const { root, point } = this.#options
    for (const [path, modified] of this.#directoryTimes) {
      const { directory, name } = layerPath(path) ?? { directory: '', name: '.' }
      const above = makeDirectories(root, joined(point, directory))
      closing(above, () => closingIfThere(above, Buffer.from(name, 'latin1'), (fd) => setTime(fd, modified)))
    }
  }

  #pathOf({ name }: TarEntry): LayerPath | undefined {
    try {
      return layerPath(name)
    } catch (cause) {
      if (!(cause instanceof TarError)) throw cause
      throw new TarError(`${JSON.stringify(name)} is outside of ${JSON.stringify(`/${this.#options.point}`)}`)
    }
  }

  #makeRoom(place: Place, path: LayerPath, entry: TarEntry): void {
    const found = closingIfThere(place.directory, place.name, statOf)
    if (found === undefined) return
    const both = { old: isDirectory(found), new: entry.type === 'directory' }
    if (this.#options.keepKinds && both.old !== both.new) throw this.#mismatch(path, both.old)
    if (both.old && both.new) return
    this.#directoryTimes.delete(fullPath(path))
    removeEntry(place.directory, place.name)
  }

  #mismatch(path: LayerPath, isOld: boolean): TarError {
    const { point } = this.#options
    const [here, there] = [`"/${joined(point, fullPath(path))}"`, `"/${point}"`]
    return isOld
      ? new TarError(`cannot overwrite directory ${here} with non-directory ${there}`)
      : new TarError(`cannot overwrite non-directory ${here} with directory ${there}`)
  }

  async #make(place: Place, entry: TarEntry, data: AsyncIterable<Buffer>): Promise<void> {
    if (entry.type === 'file') {
      const fd = openConfined(place.directory, place.name, newFile)
      try {
        await writeData(fd, entry, data)
        this.#describe(fd, entry)
      } finally {
        closeSync(fd)
      }
      return
    }
    this.#makeOther(place, entry)
    closing(openEntry(place.directory, place.name), (fd) => this.#describe(fd, entry))
  }

  #makeOther(place: Place, entry: TarEntry): void {
    const { directory, name } = place
    const { type, major, minor } = entry
    if (type === 'directory') makeIfMissing(directory, name)
    if (type === 'symlink') makeSymlinkAt(directory, name, Buffer.from(entry.linkName, 'latin1'))
    if (type === 'link') this.#link(place, entry)
    if (type === 'fifo') makeNodeAt(directory, name, { mode: nodeKinds.fifo | 0o600 })
    if (type === 'character' || type === 'block')
      makeNodeAt(directory, name, { mode: nodeKinds[type] | 0o600, major, minor })
  }

  /** A hard link's target is a path from the directory that the archive goes into, and is not looked for beyond it. */
  #link(place: Place, entry: TarEntry): void {
    const { root, point } = this.#options
    const target = targetOf(entry, point)
    const above = makeDirectories(root, joined(point, target.directory))
    closing(above, () => makeLinkAt({ directory: above, name: Buffer.from(target.name, 'latin1') }, place))
  }

  /** Owner first: chown(2) takes set-uid and file capabilities away. */
  #describe(fd: number, entry: TarEntry): void {
    const stats = statOf(fd)
    if (!isOfType(stats, entry)) throw new TarError(`${JSON.stringify(entry.name)} was replaced meanwhile`)
    setOwner(fd, this.#options.owner ?? entry)
    setAttributes(fd, entry)
    const isLink = kindOf(stats) === constants.S_IFLNK
    if (!isLink) setMode(fd, entry.mode)
    setTime(fd, entry.modified)
  }
}

const newFile = { scope: 'beneath', followLinks: false, flags: NEW_FILE, mode: 0o600 } as const

const kindOf = ({ mode }: BigIntStats): number => Number(mode) & constants.S_IFMT

const kinds: Readonly<Record<Exclude<TarEntry['type'], 'link'>, number>> = {
  file: constants.S_IFREG,
  directory: constants.S_IFDIR,
  symlink: constants.S_IFLNK,
  ...nodeKinds,
}

const isOfType = (stats: BigIntStats, { type }: TarEntry): boolean =>
  type === 'link' ? kindOf(stats) !== constants.S_IFDIR : kindOf(stats) === kinds[type]

const joined = (one: string, other: string): string => [one, other].filter((part) => part !== '').join('/')

function targetOf({ name, linkName }: TarEntry, point: string): LayerPath {
  const refusal = `invalid hardlink "/${joined(point, name)}" -> ${JSON.stringify(linkName)}`
  try {
    const target = layerPath(linkName)
    if (target !== undefined) return target
  } catch (error) {
    if (!(error instanceof TarError)) throw error
  }
  throw new TarError(refusal)
}

function makeIfMissing(directory: number, name: Buffer): void {
  try {
    makeDirectoryAt(directory, name, 0o700)
  } catch (error) {
    if (!failedWith(error, 'EEXIST')) throw error
  }
}

function closingIfThere<T>(directory: number, name: Buffer, use: (fd: number) => T): T | undefined {
  const fd = tryOpenEntry(directory, name)
  return fd === undefined ? undefined : closing(fd, use)
}

async function writeData(fd: number, entry: TarEntry, data: AsyncIterable<Buffer>): Promise<void> {
  const segments = [...(entry.sparse?.segments ?? [{ offset: 0, length: entry.size }])]
  for await (const part of data) writeSegments(fd, part, segments)
  if (entry.sparse !== undefined) ftruncateSync(fd, entry.sparse.size)
}

/** @param segments where data goes; what is written is taken off. */
function writeSegments(fd: number, part: Buffer, segments: Segment[]): void {
  for (let rest = part; rest.length > 0; ) {
    const segment = segments.shift()
    if (segment === undefined) throw new TarError('invalid sparse map')
    const written = writeSync(fd, rest, 0, Math.min(segment.length, rest.length), segment.offset)
    const left = { offset: segment.offset + written, length: segment.length - written }
    if (left.length > 0) segments.unshift(left)
    rest = rest.subarray(written)
  }
}

/** Those of overlayfs are not the container's to set; what the file system has no room for is left out, as in Docker. */
function setAttributes(fd: number, { pax }: TarEntry): void {
  for (const [record, value] of pax) {
    const name = record.startsWith(ATTRIBUTE_RECORD) ? record.slice(ATTRIBUTE_RECORD.length) : ''
    if (name === '' || /^(trusted|user)\.overlay\./.test(name)) continue
    try {
      setAttribute(fd, name, Buffer.from(value, 'latin1'))
    } catch (error) {
      const isUnfit = failedWith(error, 'EPERM') && name.startsWith('user.')
      if (!isUnfit && !failedWith(error, 'ENOTSUP', 'EOPNOTSUPP')) throw error
    }
  }
}
