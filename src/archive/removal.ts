/** Removes an entry of a directory, whole, following no link. Synchronous: for a worker thread. */
import { constants, readdirSync } from 'node:fs'
import { failedWith } from '../kernel/addon.ts'
import { AT_REMOVEDIR, O_PATH, openConfined, removeAt } from '../kernel/at.ts'
import { closing, pathOf } from './inode.ts'

const options = { scope: 'beneath', followLinks: false, flags: O_PATH | constants.O_DIRECTORY } as const

/** Nothing there is fine. */
export function removeEntry(directory: number, name: Buffer): void {
  try {
    removeAt(directory, name)
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return
    if (!failedWith(error, 'EISDIR')) throw error
    removeDirectory(directory, name)
  }
}

function removeDirectory(directory: number, name: Buffer): void {
  closing(openConfined(directory, name, options), (fd) => {
    for (const child of readdirSync(pathOf(fd), { encoding: 'buffer' })) removeEntry(fd, child)
  })
  removeAt(directory, name, AT_REMOVEDIR)
}
