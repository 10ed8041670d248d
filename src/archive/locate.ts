/** Finds the path that a client means, by Docker's rules, below a container's root. Synchronous: for a worker thread. */
import { constants, readlinkSync } from 'node:fs'
import { posix } from 'node:path'
import { TallyError } from '../errors.ts'
import { failedWith } from '../kernel/addon.ts'
import { O_PATH } from '../kernel/at.ts'
import { closing, openEntry, pathOf, statOf } from './inode.ts'
import { type PathStat, pathStat } from './path-stat.ts'
import { openInRoot } from './view.ts'

export interface Located extends Disposable {
  readonly fd: number
  readonly stat: PathStat
  /** Its name at a place that is still open: for reading a link's text. */
  readonly path: Buffer
}

/** A link at the end is not followed, unless a slash comes after it. @throws TallyError not-found without words, internal */
export function locate(root: number, asked: string): Located {
  return wording(asked, () => {
    const { directory, base } = splitPath(asked)
    const above = openInRoot(root, Buffer.from(directory))
    const fd = entryOf(above, base)
    const path = Buffer.from(`${pathOf(above)}/${base}`)
    const stats = statOf(fd)
    const isLink = (Number(stats.mode) & constants.S_IFMT) === constants.S_IFLNK
    const linkTarget = isLink ? targetIn(root, { directory, base, path }) : ''
    const stat = pathStat(stats, posix.basename(absolute(asked)) || '/', linkTarget)
    return { fd, path, stat, [Symbol.dispose]: () => closeBoth(fd, above) }
  })
}

/** The directory that an archive goes into, every link followed. @returns its path from the root, a binary string without slashes at its ends. */
export function extractionPoint(root: number, asked: string): string {
  return wording(asked, () =>
    closing(openInRoot(root, Buffer.from(absolute(asked))), (fd) => {
      if ((Number(statOf(fd).mode) & constants.S_IFMT) !== constants.S_IFDIR)
        throw new TallyError('internal', 'extraction point is not a directory')
      return pathFrom(root, fd).slice(1)
    }),
  )
}

/** Cleaned as text; a slash or `/.` at the end stays, for it says that a directory is meant. */
export function absolute(asked: string): string {
  const clean = posix.join('/', asked)
  const bare = clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean
  const slash = bare.endsWith('/') ? bare : `${bare}/`
  if (/(^|\/)\.$/.test(asked)) return `${slash}.`
  return asked.endsWith('/') ? slash : bare
}

function splitPath(asked: string): { readonly directory: string; readonly base: string } {
  const path = absolute(asked)
  const at = path.lastIndexOf('/')
  return { directory: path.slice(0, at + 1), base: path.slice(at + 1) }
}

const entryOf = (above: number, base: string): number =>
  base === '' || base === '.'
    ? openInRoot(above, '.', O_PATH | constants.O_DIRECTORY)
    : openEntry(above, Buffer.from(base))

function closeBoth(...descriptors: readonly number[]): void {
  for (const fd of descriptors) closing(fd, () => undefined)
}

interface Link {
  readonly directory: string
  readonly base: string
  readonly path: Buffer
}

/** Of a link that leads nowhere its text alone is known. */
function targetIn(root: number, { directory, base, path }: Link): string {
  try {
    return closing(openInRoot(root, Buffer.from(`${directory}${base}`)), (fd) =>
      Buffer.from(pathFrom(root, fd), 'latin1').toString(),
    )
  } catch (error) {
    if (!failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error
    const text = readlinkSync(path, { encoding: 'utf8' })
    return text.startsWith('/') ? posix.join('/', text) : posix.join(directory, text)
  }
}

/** As a binary string, with a slash at the beginning. */
function pathFrom(root: number, fd: number): string {
  const [top, path] = [root, fd].map((each) =>
    readlinkSync(pathOf(each), { encoding: 'buffer' }).toString('latin1'),
  )
  return path === top ? '/' : (path ?? '').slice((top ?? '').length)
}

function wording<T>(asked: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (failedWith(error, 'ENOENT')) throw new TallyError('not-found', `Could not find the file ${asked}`)
    if (failedWith(error, 'ENOTDIR')) throw new TallyError('internal', `lstat ${asked}: not a directory`)
    if (failedWith(error, 'ELOOP')) throw new TallyError('internal', `lstat ${asked}: too many links`)
    throw error
  }
}
