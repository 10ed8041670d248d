/** What must be there before the daemon starts, each missing thing said in one sentence. */
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { TallyError } from '../errors.ts'
import { failedWith } from './addon.ts'
import { detach, mountOverlay } from './mounts.ts'

export function requireRoot(): void {
  if (process.geteuid?.() !== 0) throw new TallyError('unavailable', 'tallyd must run as root.')
}

/** Really mounts an overlay in a directory of its own below the data root. */
export async function requireOverlay(dataRoot: string): Promise<void> {
  const directory = await mkdtemp(join(dataRoot, 'overlay-check-'))
  const below = (name: string): string => join(directory, name)
  const target = below('merged')
  try {
    for (const name of ['lower', 'upper', 'work', 'merged']) await mkdir(below(name))
    await mountOverlay({ lowers: [below('lower')], upper: below('upper'), work: below('work'), target })
  } catch (cause) {
    throw new TallyError('unavailable', overlaySentence(cause, dataRoot), { detail: String(cause), cause })
  } finally {
    await detach(target)
    await rm(directory, { recursive: true })
  }
}

/** @returns the runtime's absolute path, found as a shell would. */
export async function requireRuntime(name: string): Promise<string> {
  for (const path of candidates(name)) if (await isExecutable(path)) return path
  throw new TallyError(
    'unavailable',
    `The OCI runtime ${name} was not found: install it or name another one.`,
  )
}

function candidates(name: string): readonly string[] {
  if (name.includes('/')) return isAbsolute(name) ? [name] : []
  const directories = (process.env.PATH ?? '').split(delimiter).filter(isAbsolute)
  return [...new Set([...directories, '/usr/sbin', '/sbin'])].map((directory) => join(directory, name))
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

function overlaySentence(cause: unknown, dataRoot: string): string {
  if (failedWith(cause, 'ENODEV')) return 'The kernel has no overlayfs: load it with modprobe overlay.'
  if (failedWith(cause, 'EPERM', 'EACCES'))
    return 'Mounting is not permitted here: tallyd needs CAP_SYS_ADMIN.'
  return `No overlay can be mounted on ${dataRoot}: choose a data root on ext4, xfs, btrfs or tmpfs.`
}
