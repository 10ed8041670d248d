/**
 * Copies what is in one directory into another, with owners, modes, times, extended attributes and hard links. Nobody changes the source meanwhile;
 * in the target no link is followed. Synchronous: for a worker thread.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  copyFileSync,
  openSync,
  readdirSync,
  readlinkSync,
} from 'node:fs'
import { callSync, failedWith } from '../kernel/addon.ts'
import { makeDirectoryAt, makeLinkAt, makeNodeAt, makeSymlinkAt, O_PATH, openConfined } from '../kernel/at.ts'
import {
  closing,
  openEntry,
  pathOf,
  reopen,
  setAttribute,
  setMode,
  setOwner,
  setTime,
  statOf,
} from './inode.ts'

const DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW
const newFile = {
  scope: 'beneath',
  followLinks: false,
  flags: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
  mode: 0o600,
} as const

/** Both are descriptors of directories. The target takes the attributes of the source too. */
export function copyTree(source: number, target: number): void {
  new TreeCopier(target).fill({ fd: source, path: Buffer.from(`${pathOf(source)}/.`) }, target, [])
}

/** A file that is copied; its path is of an open directory. */
interface Source {
  readonly fd: number
  readonly path: Buffer
}

/** Names from the top. */
type Path = readonly Buffer[]

class TreeCopier {
  readonly #top: number
  /** First copies of files that have several names. */
  readonly #links = new Map<string, Path>()

  constructor(top: number) {
    this.#top = top
  }

  fill(from: Source, into: number, path: Path): void {
    for (const name of readdirSync(pathOf(from.fd), { encoding: 'buffer' }))
      closing(openEntry(from.fd, name), (fd) =>
        this.#copy({ fd, path: below(from.fd, name) }, into, [...path, name]),
      )
    describe(from, into)
  }

  #copy(from: Source, directory: number, path: Path): void {
    const name = path.at(-1) ?? Buffer.alloc(0)
    const stats = statOf(from.fd)
    if (this.#isLinked(stats, directory, path)) return
    if (!make(from, stats, { directory, name })) return
    closing(openEntry(directory, name), (to) => {
      if (kindOf(stats) !== constants.S_IFDIR) return describe(from, to)
      closing(openSync(pathOf(to), DIRECTORY & ~constants.O_NOFOLLOW), (into) => this.fill(from, into, path))
    })
  }

  #isLinked(stats: BigIntStats, directory: number, path: Path): boolean {
    if (stats.nlink < 2n || kindOf(stats) === constants.S_IFDIR) return false
    const key = `${stats.dev}:${stats.ino}`
    const first = this.#links.get(key)
    if (first === undefined) {
      this.#links.set(key, path)
      return false
    }
    closing(this.#open(first.slice(0, -1)), (above) =>
      makeLinkAt({ directory: above, name: last(first) }, { directory, name: last(path) }),
    )
    return true
  }

  #open(path: Path): number {
    const bytes = path.length === 0 ? Buffer.from('.') : Buffer.from(joined(path))
    return openConfined(this.#top, bytes, { scope: 'beneath', followLinks: false, flags: DIRECTORY })
  }
}

interface Place {
  readonly directory: number
  readonly name: Buffer
}

/** @returns false for a socket, which is nobody's any more. */
function make(from: Source, stats: BigIntStats, { directory, name }: Place): boolean {
  switch (kindOf(stats)) {
    case constants.S_IFDIR:
      makeDirectoryAt(directory, name, 0o700)
      return true
    case constants.S_IFREG:
      closing(openConfined(directory, name, newFile), (to) => copyData(from.fd, to))
      return true
    case constants.S_IFLNK:
      makeSymlinkAt(directory, name, readlinkSync(from.path, { encoding: 'buffer' }))
      return true
    case constants.S_IFSOCK:
      return false
    default:
      makeNodeAt(directory, name, {
        mode: Number(stats.mode) & (constants.S_IFMT | 0o600),
        ...deviceOf(stats),
      })
      return true
  }
}

/** By the kernel, without a way through our memory; shared where the file system can do that. */
function copyData(from: number, to: number): void {
  const file = reopen(from, constants.O_RDONLY)
  try {
    copyFileSync(pathOf(file), pathOf(to), constants.COPYFILE_FICLONE)
  } finally {
    closeSync(file)
  }
}

/** Owner first: chown(2) takes set-uid and file capabilities away. */
function describe(from: Source, to: number): void {
  const stats = statOf(from.fd)
  setOwner(to, { uid: Number(stats.uid), gid: Number(stats.gid) })
  if (kindOf(stats) !== constants.S_IFLNK) {
    setMode(to, Number(stats.mode) & 0o7777)
    copyAttributes(from, to)
  }
  setTime(to, stats.mtimeNs)
}

function copyAttributes({ path }: Source, to: number): void {
  const text = Buffer.concat([path, Buffer.alloc(1)])
  for (const name of attributeNames(text)) {
    const value = Buffer.alloc(callSync('lgetxattr', text, name, null, 0))
    callSync('lgetxattr', text, name, value, value.length)
    unlessUnsupported(() => setAttribute(to, name, value))
  }
}

/** llistxattr(2). @param path ends in a NUL */
function attributeNames(path: Buffer): readonly string[] {
  const size = unlessUnsupported(() => callSync('llistxattr', path, null, 0)) ?? 0
  if (size === 0) return []
  const names = Buffer.alloc(size)
  const text = names.subarray(0, callSync('llistxattr', path, names, size)).toString()
  return text.split('\0').filter((name) => name !== '')
}

function unlessUnsupported<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (failedWith(error, 'ENOTSUP', 'EOPNOTSUPP', 'EPERM')) return undefined
    throw error
  }
}

function deviceOf({ rdev }: BigIntStats): { readonly major: number; readonly minor: number } {
  const device = Number(rdev)
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) }
}

const kindOf = ({ mode }: BigIntStats): number => Number(mode) & constants.S_IFMT

const below = (directory: number, name: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${pathOf(directory)}/`), name])

const joined = (path: Path): Buffer =>
  Buffer.concat(path.flatMap((name, index) => (index === 0 ? [name] : [Buffer.from('/'), name])))

const last = (path: Path): Buffer => path.at(-1) ?? Buffer.alloc(0)
