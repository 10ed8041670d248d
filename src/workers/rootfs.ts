/** Merges the image's layers, the init layer and the container's own layer into its root file system. */
import { existsSync } from 'node:fs'
import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { TallyError } from '../errors.ts'
import { failedWith } from '../kernel/addon.ts'
import { detach, startsFileSystem } from '../kernel/mounts.ts'
import { layerPath, type Roots, rootfsPath } from '../paths.ts'
import { isLayerMounted, mountLayer } from './layer-mount.ts'
import { createContainerLayers, layersBelow } from './layers.ts'
import type { Job, Worker } from './worker.ts'

const step = 'mountRootfs'

export function rootfsWorker({ roots }: { readonly roots: Roots }): Worker {
  return {
    async perform(job, signal) {
      signal.throwIfAborted()
      await mountRootfs(roots, job).catch(fail)
      return [{ type: 'RootfsMounted', runId: job.runId, rootfs: rootfsPath(roots, job.id) }]
    },
    async undo({ id }) {
      await unmountRootfs(rootfsPath(roots, id))
    },
  }
}

async function mountRootfs(roots: Roots, { id, spec }: Job): Promise<void> {
  const target = rootfsPath(roots, id)
  if (await isLayerMounted(roots, id)) return
  if (startsFileSystem(target)) await detach(target)
  await completeLayers(roots, { id, spec })
  await mkdir(target, { recursive: true, mode: 0o700 })
  await mountLayer(roots, { layer: id, below: layersBelow(id, spec.image) })
}

/** A power cut soon after creation may have taken what the disk had not got yet. */
async function completeLayers(roots: Roots, { id, spec }: Pick<Job, 'id' | 'spec'>): Promise<void> {
  const layer = layerPath(roots, id)
  if (existsSync(join(layer, 'diff')) && existsSync(join(layer, 'work'))) return
  await createContainerLayers(roots, id, spec.image)
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

function fail(cause: unknown): never {
  if (!(cause instanceof TallyError)) throw cause
  const { code, message, detail } = cause
  throw new TallyError(code, message, { step, exitCode: 128, cause, ...(detail && { detail }) })
}
