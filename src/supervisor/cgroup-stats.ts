/** What a control group has used: its files read, on v1 each from the hierarchy that has the controller. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { failedWith } from '../kernel/addon.ts'
import { legacyFigures, unifiedFigures } from './cgroup-figures.ts'
import type { TaskStats } from './port.ts'

/** Read at once: these files lie in memory, and a hand over to another thread would cost more than the reading. */
export function cgroupStats(directories: readonly string[]): Omit<TaskStats, 'readAt'> {
  const read = readerOf(directories)
  return read('memory.usage_in_bytes') === '' ? unifiedFigures(read) : legacyFigures(read)
}

/** The text of a file of the group, empty if no hierarchy has it. */
function readerOf(directories: readonly string[]): (name: string) => string {
  const places = new Map<string, string | undefined>()
  return (name) => {
    const controller = name.slice(0, name.indexOf('.'))
    if (!places.has(controller))
      places.set(
        controller,
        directories.find((directory) => existsSync(join(directory, name))),
      )
    const place = places.get(controller)
    return place === undefined ? '' : readExisting(join(place, name))
  }
}

function readExisting(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENODEV', 'EOPNOTSUPP')) return ''
    throw error
  }
}
