/** What an image has where an empty volume is mounted becomes the volume's content, whole or not at all. */
import { renameSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import type { ImageReference } from '../../machines/spec.ts'
import { fillDirectory } from '../archive/files.ts'
import { syncDirectory } from '../images/durable.ts'
import { failedWith } from '../kernel/addon.ts'
import { type Roots, rootfsPath, volumeDataPath, volumePath } from '../paths.ts'
import { serial } from '../serial.ts'
import type { RootfsHolds } from '../workers/rootfs-holds.ts'
import { fillingPath } from './directories.ts'
import type { VolumeUses } from './uses.ts'

export interface VolumeContentPorts {
  readonly roots: Roots
  readonly holds: RootfsHolds
  readonly uses: VolumeUses
}

/** One volume of a container that is about to be created. */
export interface VolumeFill {
  readonly name: string
  /** Where it will be mounted. */
  readonly destination: string
  readonly named: boolean
  /** The host's directory that stands for the volume's own. */
  readonly device?: string
}

export type FillVolumes = (
  container: { readonly id: string; readonly image: ImageReference },
  fills: readonly VolumeFill[],
) => Promise<void>

/** For a container whose layers are made. @throws TallyError internal for what is no directory */
export function volumeFiller(ports: VolumeContentPorts): FillVolumes {
  const inOrder = serial()
  return async (container, fills) => {
    const empty = await emptyOnes(ports, fills)
    if (empty.length === 0) return
    await using _ = await ports.holds.borrow(container)
    const rootfs = rootfsPath(ports.roots, container.id)
    for (const fill of empty) await inOrder(fill.name, () => fillVolume(ports, rootfs, fill))
  }
}

async function emptyOnes(
  { roots }: VolumeContentPorts,
  fills: readonly VolumeFill[],
): Promise<readonly VolumeFill[]> {
  const pairs = fills.map(async (fill) => ((await isEmpty(dataOf(roots, fill))) ? [fill] : []))
  return (await Promise.all(pairs)).flat()
}

/** What containers have mounted already can't be exchanged beneath them: there the files come one by one, as in Docker. */
async function fillVolume(ports: VolumeContentPorts, rootfs: string, fill: VolumeFill): Promise<void> {
  const { roots, uses } = ports
  const { name, device } = fill
  const target = dataOf(roots, fill)
  if (!(await isEmpty(target))) return
  const isInUse = () => device !== undefined || uses.of(name).length > 0
  if (!isInUse() && (await exchanged({ roots, rootfs, fill, isInUse }))) return
  await fillDirectory({ ...sourceOf(rootfs, fill), target })
}

interface Exchange {
  readonly roots: Roots
  readonly rootfs: string
  readonly fill: VolumeFill
  readonly isInUse: () => boolean
}

/** Copied aside; a crash meanwhile leaves the volume empty. @returns false if somebody began to use the volume in between. */
async function exchanged({ roots, rootfs, fill, isInUse }: Exchange): Promise<boolean> {
  const { name } = fill
  const aside = fillingPath(roots, name)
  await rm(aside, { recursive: true, force: true })
  await mkdir(aside, { mode: 0o755 })
  try {
    if (!(await fillDirectory({ ...sourceOf(rootfs, fill), target: aside }))) return true
    if (isInUse()) return false
    replaceEmpty(aside, volumeDataPath(roots, name))
    await syncDirectory(volumePath(roots, name))
    return true
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

/** Docker has two sentences for a file in the place of a directory. */
function sourceOf(rootfs: string, { destination: path, named }: VolumeFill) {
  const refusal = named
    ? `source ${path} is not directory`
    : `cannot mount volume over existing file, file exists ${path}`
  return { rootfs, path, refusal }
}

/** rename(2) takes an empty directory's place and no other's: what somebody put there meanwhile stays. */
function replaceEmpty(aside: string, target: string): void {
  try {
    renameSync(aside, target)
  } catch (error) {
    if (!failedWith(error, 'ENOTEMPTY', 'EEXIST')) throw error
  }
}

const dataOf = (roots: Roots, { name, device }: VolumeFill): string => device ?? volumeDataPath(roots, name)

/** A directory of the host that is not there is told when it is mounted. */
async function isEmpty(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length === 0
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ENOTDIR')) return false
    throw error
  }
}
