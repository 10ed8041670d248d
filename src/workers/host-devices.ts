/** Devices of the host: all of them, for a privileged container, and numbers of single ones. */
import type { Stats } from 'node:fs'
import { lstat, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { failedWith } from '../kernel/addon.ts'
import type { StartFacts } from '../oci/facts.ts'
import type { Device } from '../oci/runtime-spec.ts'

/** A container has its own of these. */
const skippedDirectories = ['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev']
const skippedDevices = ['console']

/** All device nodes below /dev. */
export async function hostDevices(directory = '/dev'): Promise<readonly Device[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const found = await Promise.all(
    entries.map((entry) => {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) return skippedDirectories.includes(entry.name) ? [] : hostDevices(path)
      const isDevice = entry.isCharacterDevice() || entry.isBlockDevice()
      return isDevice && !skippedDevices.includes(entry.name) ? device(path) : []
    }),
  )
  return found.flat()
}

/** By path; a path that does not exist is left out. */
export async function deviceNumbers(paths: readonly string[]): Promise<StartFacts['deviceNumbers']> {
  const pairs = await Promise.all(paths.map(async (path) => [path, await ifThere(stat(path))] as const))
  const found = pairs.flatMap(([path, stats]) => (stats ? [[path, numbers(stats)] as const] : []))
  return Object.fromEntries(found)
}

/** A device that has gone meanwhile is none. */
async function device(path: string): Promise<readonly Device[]> {
  const stats = await ifThere(lstat(path))
  if (stats === undefined) return []
  const type = stats.isBlockDevice() ? 'b' : 'c'
  return [{ type, path, ...numbers(stats), fileMode: stats.mode & 0o777, uid: stats.uid, gid: stats.gid }]
}

async function ifThere(stats: Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await stats
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

/** makedev(3) taken apart, for majors of 12 bits as the kernel gives them. */
function numbers({ rdev }: Stats): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) }
}
