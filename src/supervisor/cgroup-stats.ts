/** What a control group has used: its files read, on v1 each from the hierarchy that has the controller. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { failedWith } from '../kernel/addon.ts'
import { legacyFigures, unifiedFigures } from './cgroup-figures.ts'
import type { TaskStats } from './port.ts'

/**
 * Read at once: these files lie in memory, and a hand over to another thread would cost more than the reading.
 * @param directories of the group, in the same order for each
 */
export function cgroupStats(directories: readonly string[]): Omit<TaskStats, 'readAt'> {
  const read = (name: string): string => {
    const place = placeOf(directories, name)
    return place === undefined ? '' : readExisting(join(place, name))
  }
  return read('memory.usage_in_bytes') === '' ? unifiedFigures(read) : legacyFigures(read)
}

/** Which of a group's directories has a controller; the same for all groups, as long as the machine runs. */
const known = new Map<string, number>()

/** Undefined if no hierarchy has such a file. */
function placeOf(directories: readonly string[], name: string): string | undefined {
  const controller = name.slice(0, name.indexOf('.'))
  const index = known.get(controller)
  if (index !== undefined) return directories[index]
  const found = directories.findIndex((directory) => existsSync(join(directory, name)))
  if (found >= 0) known.set(controller, found)
  return directories[found]
}

/** Larger than any of them; the kernel gives such a file in one piece if there is room. */
const buffer = Buffer.alloc(256 << 10)

function readExisting(path: string): string {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    return buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, null))
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENODEV', 'EOPNOTSUPP')) return ''
    throw error
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
