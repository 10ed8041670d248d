/** Gives an empty directory of the host what a container's root file system has at a path. For a worker thread. */
import { constants, openSync } from 'node:fs'
import { TallyError } from '../errors.ts'
import { callSync, failedWith } from '../kernel/addon.ts'
import { O_PATH } from '../kernel/at.ts'
import { enterOwnMountNamespace } from '../kernel/mount-namespace.ts'
import { closing, statOf } from './inode.ts'
import type { Fill } from './messages.ts'
import { copyTree } from './tree-copy.ts'
import { openInRoot } from './view.ts'

const DIRECTORY = constants.O_DIRECTORY | constants.O_NOFOLLOW

/** On the disk when this returns. @returns false if the container has nothing there. @throws TallyError internal for what is no directory. */
export function fill(task: Fill): boolean {
  const { rootfs, path } = task
  enterOwnMountNamespace() // with an umask of our own: modes are the image's
  return closing(openSync(rootfs, O_PATH | DIRECTORY), (root) => {
    const source = tryOpen(root, path)
    if (source === undefined) return false
    closing(source, () => copy(source, task))
    return true
  })
}

function copy(source: number, { target, refusal }: Fill): void {
  if ((Number(statOf(source).mode) & constants.S_IFMT) !== constants.S_IFDIR)
    throw new TallyError('internal', refusal)
  closing(openSync(target, constants.O_RDONLY | DIRECTORY), (into) => {
    copyTree(source, into)
    callSync('syncfs', into)
  })
}

function tryOpen(root: number, path: string): number | undefined {
  try {
    return openInRoot(root, Buffer.from(path.replace(/^\/+/, '') || '.'))
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined
    throw error
  }
}
