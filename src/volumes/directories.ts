/** The directories of volumes: `<data-root>/volumes/<name>/_data`, with Docker's modes. */
import { chmod, mkdir, readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '../images/durable.ts'
import { failedWith } from '../kernel/addon.ts'
import { mountsBelow } from '../kernel/mountinfo.ts'
import { detach } from '../kernel/mounts.ts'
import { isVolumeName } from '../oci/volume-name.ts'
import { type Roots, volumeDataPath, volumePath, volumesRoot } from '../paths.ts'

export interface VolumeDirectories {
  /** Survives a power cut when this resolves. What is there already stays. */
  make(name: string): Promise<void>
  /** With all that is in it. None is fine. */
  remove(name: string): Promise<void>
  /** @returns whether there is none any more. */
  removeEmpty(name: string): Promise<boolean>
  /** What can't be a volume's name, as `lost+found`, is not ours. */
  list(): Promise<readonly string[]>
}

export function volumeDirectories(roots: Roots): VolumeDirectories {
  return {
    async make(name) {
      await makeDirectory(volumesRoot(roots), 0o701)
      await makeDirectory(volumePath(roots, name), 0o701)
      await makeDirectory(volumeDataPath(roots, name), 0o755)
      for (const path of [volumePath(roots, name), volumesRoot(roots)]) await syncDirectory(path)
    },
    remove: (name) => remove(volumePath(roots, name)),
    async removeEmpty(name) {
      return (await isRemoved(volumeDataPath(roots, name))) && (await isRemoved(volumePath(roots, name)))
    },
    list: () => namesIn(volumesRoot(roots)),
  }
}

/** The mode is that of a directory that was made here, whatever the umask. */
async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path)
    await chmod(path, mode)
  } catch (error) {
    if (!failedWith(error, 'EEXIST')) throw error
  }
}

/** What somebody has mounted in it is not ours to delete. */
async function remove(path: string): Promise<void> {
  for (const { target } of (await mountsBelow(path)).toReversed()) await detach(target)
  await rm(path, { recursive: true, force: true })
}

async function isRemoved(path: string): Promise<boolean> {
  try {
    await rmdir(path)
    return true
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return true
    if (failedWith(error, 'ENOTEMPTY', 'EBUSY', 'ENOTDIR')) return false
    throw error
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true })
    const directories = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    return directories.filter(isVolumeName)
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return []
    throw error
  }
}

/** Where copies are made ready that are to become the volume's content. */
export const fillingPath = (roots: Roots, name: string): string => join(volumePath(roots, name), 'filling')
