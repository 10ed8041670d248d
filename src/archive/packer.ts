/** Packs a directory tree as a tar archive, piece by piece. Follows no link and opens only regular files. Synchronous: for a worker thread. */
import { type BigIntStats, closeSync, constants, readdirSync, readlinkSync, readSync } from 'node:fs'
import { TallyError } from '../errors.ts'
import type { EntryType } from '../images/tar-header.ts'
import { capabilityOf, pathOf, reopen, statOf, tryOpenEntry } from './inode.ts'
import { isOpaque, isWhiteoutNode } from './overlay-marks.ts'
import { endOfArchive, entryHeader, type NewEntry, padding } from './tar-writer.ts'

export interface Packing {
  /** What the tree's own entry is called; a binary string. Empty: it has none, and what is in it is named without a directory. */
  readonly name: string
  /** Overlay's marks in a layer become the whiteout files that an image's layer has (OCI image spec, layer.md). */
  readonly whiteouts?: boolean
}

type Chunks = Generator<Buffer, void, undefined>

const CHUNK = 256 * 1024

const kinds: readonly (readonly [number, EntryType])[] = [
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'directory'],
  [constants.S_IFLNK, 'symlink'],
  [constants.S_IFCHR, 'character'],
  [constants.S_IFBLK, 'block'],
  [constants.S_IFIFO, 'fifo'],
]

/** @param top a descriptor of what is packed; for one that is no directory `parent` and its name there say where a link's text is read. */
export function* packTree(top: Top, { name, whiteouts = false }: Packing): Chunks {
  const packer = new Packer(whiteouts)
  if (name === '') yield* packer.children(top.fd, '')
  else yield* packer.entry(top, name)
  yield endOfArchive()
}

export interface Top {
  readonly fd: number
  /** Where its name is, for reading a symbolic link. */
  readonly path: Buffer
}

class Packer {
  readonly #whiteouts: boolean
  /** First names of files that have several. */
  readonly #links = new Map<string, string>()

  constructor(whiteouts: boolean) {
    this.#whiteouts = whiteouts
  }

  *entry({ fd, path }: Top, name: string): Chunks {
    const stats = statOf(fd)
    const type = typeOf(stats)
    if (type === undefined) return // a socket has no place in an archive
    if (this.#whiteouts && isWhiteoutNode(stats)) {
      yield entryHeader(hiding(name, stats))
      return
    }
    const linkName = type === 'directory' ? undefined : this.#linkedTo(stats, name)
    if (linkName !== undefined) yield entryHeader({ ...describe(fd, stats, 'link'), name, linkName, size: 0 })
    else yield* this.#whole(fd, { ...describe(fd, stats, type), name, linkName: linkText(type, path) })
  }

  *children(directory: number, prefix: string): Chunks {
    const names = readdirSync(pathOf(directory), { encoding: 'buffer' })
    for (const name of names.sort(Buffer.compare)) {
      const fd = tryOpenEntry(directory, name)
      if (fd === undefined) continue
      try {
        yield* this.entry({ fd, path: below(directory, name) }, `${prefix}${name.toString('latin1')}`)
      } finally {
        closeSync(fd)
      }
    }
  }

  *#whole(fd: number, entry: NewEntry): Chunks {
    if (entry.type === 'directory') yield* this.#directory(fd, entry)
    else yield entryHeader(entry)
    if (entry.type === 'file') yield* contents(fd, entry.size)
  }

  *#directory(fd: number, entry: NewEntry): Chunks {
    const name = entry.name.endsWith('/') ? entry.name : `${entry.name}/`
    yield entryHeader({ ...entry, name })
    if (this.#whiteouts && isOpaque(fd))
      yield entryHeader({ ...emptyFile(entry), name: `${name}.wh..wh..opq` })
    yield* this.children(fd, name)
  }

  /** The first of the names that one file has; undefined for the first itself. */
  #linkedTo(stats: BigIntStats, name: string): string | undefined {
    if (stats.nlink < 2n) return undefined
    const key = `${stats.dev}:${stats.ino}`
    const first = this.#links.get(key)
    if (first === undefined) this.#links.set(key, name)
    return first
  }
}

/** @throws TallyError internal if the file is shorter by now than its header says. */
function* contents(fd: number, size: number): Chunks {
  const file = reopen(fd, constants.O_RDONLY)
  try {
    for (let left = size; left > 0; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK, left))
      const length = readSync(file, buffer, 0, buffer.length, null)
      if (length === 0) throw new TallyError('internal', 'a file became shorter while it was read')
      left -= length
      yield buffer.subarray(0, length)
    }
  } finally {
    closeSync(file)
  }
  if (size > 0) yield padding(size)
}

function describe(fd: number, stats: BigIntStats, type: EntryType): Omit<NewEntry, 'name' | 'linkName'> {
  const capability = type === 'file' ? capabilityOf(fd) : undefined
  const device = type === 'character' || type === 'block' ? Number(stats.rdev) : 0
  return {
    type,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: type === 'file' ? Number(stats.size) : 0,
    modified: stats.mtimeNs,
    major: (device >>> 8) & 0xfff,
    minor: (device & 0xff) | ((device >>> 12) & 0xfff00),
    pax: new Map(capability && [['SCHILY.xattr.security.capability', capability.toString('latin1')]]),
  }
}

const typeOf = ({ mode }: BigIntStats): EntryType | undefined =>
  kinds.find(([kind]) => kind === (Number(mode) & constants.S_IFMT))?.[1]

const linkText = (type: EntryType, path: Buffer): string =>
  type === 'symlink' ? readlinkSync(path, { encoding: 'buffer' }).toString('latin1') : ''

const below = (directory: number, name: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${pathOf(directory)}/`), name])

function hiding(name: string, stats: BigIntStats): NewEntry {
  const slash = name.lastIndexOf('/') + 1
  const own = { uid: Number(stats.uid), gid: Number(stats.gid), modified: stats.mtimeNs }
  return { ...emptyFile(own), name: `${name.slice(0, slash)}.wh.${name.slice(slash)}` }
}

const emptyFile = (of: Pick<NewEntry, 'uid' | 'gid' | 'modified'>): Omit<NewEntry, 'name'> => ({
  ...{ uid: of.uid, gid: of.gid, modified: of.modified },
  ...{ type: 'file', linkName: '', mode: 0o600, size: 0, major: 0, minor: 0, pax: new Map() },
})
