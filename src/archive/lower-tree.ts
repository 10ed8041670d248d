/** What the layers below a container's own show together, read as overlayfs merges them. Synchronous: for a worker thread. */
import { type BigIntStats, closeSync, constants, readdirSync } from 'node:fs'
import { pathOf, statOf, tryOpenEntry } from './inode.ts'
import { isOpaque, isWhiteoutNode } from './overlay-marks.ts'

/** One file of the merged layers. */
export interface LowerNode extends Disposable {
  readonly stats: BigIntStats
  /** Its file in the topmost layer that has it. */
  readonly fd: number
  /** Binary strings; none unless it is a directory. */
  names(): ReadonlySet<string>
  /** The caller disposes of it. */
  child(name: Buffer): LowerNode | undefined
}

/** @param layers descriptors of directories, the topmost first; they are closed with the node. */
export function lowerNode(layers: readonly [number, ...number[]]): LowerNode {
  const [fd] = layers
  const stats = statOf(fd)
  return {
    stats,
    fd,
    names: () => new Set(isDirectory(stats) ? mergedNames(layers) : []),
    child: (name) => (isDirectory(stats) ? childOf(layers, name) : undefined),
    [Symbol.dispose]: () => {
      for (const each of layers) closeSync(each)
    },
  }
}

export const isDirectory = ({ mode }: BigIntStats): boolean =>
  (Number(mode) & constants.S_IFMT) === constants.S_IFDIR

function childOf(layers: readonly number[], name: Buffer): LowerNode | undefined {
  const found: number[] = []
  for (const layer of layers) {
    const fd = tryOpenEntry(layer, name)
    if (fd === undefined) continue
    const ends = endsHere(fd, found)
    if (ends !== 'hidden') found.push(fd)
    else closeSync(fd)
    if (ends !== undefined) break
  }
  const [first, ...others] = found
  return first === undefined ? undefined : lowerNode([first, ...others])
}

/** Whether the layers below this one do not show any more, and whether this one does not show either. */
function endsHere(fd: number, above: readonly number[]): 'last' | 'hidden' | undefined {
  const stats = statOf(fd)
  if (isWhiteoutNode(stats)) return 'hidden'
  if (!isDirectory(stats)) return above.length > 0 ? 'hidden' : 'last'
  return isOpaque(fd) ? 'last' : undefined
}

function* mergedNames(layers: readonly number[]): Generator<string> {
  for (const layer of layers)
    for (const name of readdirSync(pathOf(layer), { encoding: 'buffer' })) {
      const child = childOf(layers, name)
      if (child === undefined) continue
      child[Symbol.dispose]()
      yield name.toString('latin1')
    }
}
