/** `docker diff`: what a container's own layer makes different from what the layers below it show. Synchronous: for a worker thread. */
import { type BigIntStats, closeSync, constants, openSync, readdirSync } from 'node:fs'
import { O_PATH } from '../kernel/at.ts'
import { capabilityOf, openEntry, pathOf, statOf } from './inode.ts'
import { isDirectory, type LowerNode, lowerNode } from './lower-tree.ts'
import { isOpaque, isWhiteoutNode } from './overlay-marks.ts'

/** 0 modified, 1 added, 2 deleted. */
export interface TreeChange {
  readonly Path: string
  readonly Kind: 0 | 1 | 2
}

const MODIFIED = 0
const ADDED = 1
const DELETED = 2

/**
 * A directory is modified if anything in it is. By name, a directory before what it holds.
 * @param lowers absolute paths, the topmost first
 */
export function treeChanges(upper: string, lowers: readonly string[]): readonly TreeChange[] {
  const flags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW
  const top = openSync(upper, flags)
  try {
    const [first, ...others] = lowers.map((path) => openSync(path, flags))
    using below = first === undefined ? undefined : lowerNode([first, ...others])
    return changesIn(top, below, '')
  } finally {
    closeSync(top)
  }
}

function changesIn(directory: number, below: LowerNode | undefined, path: string): readonly TreeChange[] {
  const names = readdirSync(pathOf(directory), { encoding: 'buffer' }).map((name) => name.toString('latin1'))
  const hidden = isOpaque(directory) ? [...(below?.names() ?? [])] : []
  const all = [...new Set([...names, ...hidden])].sort()
  const own = new Set(names)
  return all.flatMap((name) => {
    const full = `${path}/${Buffer.from(name, 'latin1').toString()}`
    return own.has(name)
      ? changesOf({ directory, name: Buffer.from(name, 'latin1'), path: full }, below)
      : [{ Path: full, Kind: DELETED } as const]
  })
}

function changesOf(
  { directory, name, path }: { readonly directory: number; readonly name: Buffer; readonly path: string },
  below: LowerNode | undefined,
): readonly TreeChange[] {
  const fd = openEntry(directory, name)
  try {
    using lower = below?.child(name)
    const stats = statOf(fd)
    if (isWhiteoutNode(stats)) return lower === undefined ? [] : [{ Path: path, Kind: DELETED }]
    const inside = isDirectory(stats) ? changesIn(fd, lower, path) : deletedIn(lower, path)
    if (lower === undefined) return [{ Path: path, Kind: ADDED }, ...inside]
    const changed = inside.length > 0 || differs({ fd, stats }, lower)
    return changed ? [{ Path: path, Kind: MODIFIED }, ...inside] : []
  } finally {
    closeSync(fd)
  }
}

/** What a directory had that is none any more. */
function deletedIn(lower: LowerNode | undefined, path: string): readonly TreeChange[] {
  const names = [...(lower?.names() ?? [])].sort()
  return names.map((name) => ({ Path: `${path}/${Buffer.from(name, 'latin1').toString()}`, Kind: DELETED }))
}

/** A file that was copied up and left as it was is no change; of a directory size and time do not count. */
function differs(upper: { readonly fd: number; readonly stats: BigIntStats }, lower: LowerNode): boolean {
  const [one, other] = [upper.stats, lower.stats]
  if (one.mode !== other.mode || one.uid !== other.uid || one.gid !== other.gid || one.rdev !== other.rdev)
    return true
  if (isDirectory(one)) return false
  if (one.mtimeNs !== other.mtimeNs || one.size !== other.size) return true
  return capability(upper.fd, one) !== capability(lower.fd, other)
}

const capability = (fd: number, { mode }: BigIntStats): string =>
  (Number(mode) & constants.S_IFMT) === constants.S_IFREG ? (capabilityOf(fd)?.toString('latin1') ?? '') : ''
