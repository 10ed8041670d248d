/**
 * Who needs a container's root file system mounted: its run, and whoever copies files from or to it meanwhile. The first mounts it, the last
 * unmounts it.
 */
import { existsSync } from 'node:fs'
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageReference } from '../../machines/spec.ts'
import { failedWith } from '../kernel/addon.ts'
import { detach, startsFileSystem } from '../kernel/mounts.ts'
import { layerPath, type Roots, rootfsPath } from '../paths.ts'
import { serial } from '../serial.ts'
import { isLayerMounted, mountLayer } from './layer-mount.ts'
import { createContainerLayers, layersBelow } from './layers.ts'

/** The container whose root file system it is. */
export interface Rootfs {
  readonly id: string
  readonly image: ImageReference
}

export interface RootfsHolds {
  /** For a run. Doing it again is fine. */
  take(rootfs: Rootfs): Promise<void>
  /** The run is over; a copy under way goes on. Nothing mounted is fine. */
  giveBack(id: string): Promise<void>
  /** For a copy, until it is disposed of. */
  borrow(rootfs: Rootfs): Promise<AsyncDisposable>
}

interface Hold {
  run: boolean
  copies: number
}

export function rootfsHolds(roots: Roots): RootfsHolds {
  const holds = new Map<string, Hold>()
  const inOrder = serial()
  /** One change at a time for each container; a hold that nobody has is forgotten. */
  const change = (id: string, work: (hold: Hold) => Promise<void>): Promise<void> =>
    inOrder(id, async () => {
      const hold = holds.get(id) ?? { run: false, copies: 0 }
      try {
        await work(hold)
      } finally {
        if (hold.run || hold.copies > 0) holds.set(id, hold)
        else holds.delete(id)
      }
    })
  const endCopy = (id: string): Promise<void> =>
    change(id, async (hold) => {
      hold.copies--
      if (!hold.run && hold.copies === 0) await unmountRootfs(rootfsPath(roots, id))
    })
  return {
    take: (rootfs) =>
      change(rootfs.id, async (hold) => {
        await mountRootfs(roots, rootfs)
        hold.run = true
      }),
    giveBack: (id) =>
      change(id, async (hold) => {
        hold.run = false
        if (hold.copies === 0) await unmountRootfs(rootfsPath(roots, id))
      }),
    async borrow(rootfs) {
      await change(rootfs.id, async (hold) => {
        // Mounted by nobody whom we know: a run that has gone on since before this process began.
        if (hold.copies === 0 && (await isLayerMounted(roots, rootfs.id))) hold.run = true
        await mountRootfs(roots, rootfs)
        hold.copies++
      })
      return { [Symbol.asyncDispose]: () => endCopy(rootfs.id) }
    },
  }
}

async function mountRootfs(roots: Roots, { id, image }: Rootfs): Promise<void> {
  const target = rootfsPath(roots, id)
  if (await isLayerMounted(roots, id)) return
  if (startsFileSystem(target)) await detach(target)
  await completeLayers(roots, { id, image })
  await mkdir(target, { recursive: true, mode: 0o700 })
  await mountLayer(roots, { layer: id, below: layersBelow(id, image) })
}

/** A power cut soon after creation may have taken what the disk had not got yet. */
async function completeLayers(roots: Roots, { id, image }: Rootfs): Promise<void> {
  const layer = layerPath(roots, id)
  if (existsSync(join(layer, 'diff')) && existsSync(join(layer, 'work'))) return
  await createContainerLayers(roots, id, image)
}

/** Deleting the mount point makes the kernel drop the copies of the mount that other namespaces still hold (`-v /:/host`). */
async function unmountRootfs(target: string): Promise<void> {
  await detach(target)
  try {
    await rmdir(target)
  } catch (error) {
    if (!failedWith(error, 'ENOENT')) throw error
  }
}
