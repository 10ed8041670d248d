/** The two layers that belong to one container: `<id>-init` with the empty bind targets and `<id>` with what the container writes. */

import { existsSync } from 'node:fs'
import { chmod, chown, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImageReference } from '../../machines/spec.ts'
import { linkLayer, writeLayerFiles } from '../images/layer-link.ts'
import { detach } from '../kernel/mounts.ts'
import { initLayer, layerPath, overlayRoot, type Roots } from '../paths.ts'
import { makePlaces } from './init-layer.ts'
import { linkPath, mergedPath, mountLayer } from './layer-mount.ts'

/**
 * Makes both layers. Running it again, also after a crash half way, completes them and keeps what the container has written.
 * @throws TallyError internal if a layer of the image is missing.
 */
export async function createContainerLayers(roots: Roots, id: string, image: ImageReference): Promise<void> {
  await createInitLayer(roots, initLayer(id), image.layers)
  await createLayer(roots, id, layersBelow(id, image))
}

/** What lies under the container's own layer, the lowest first. */
export function layersBelow(id: string, image: ImageReference): readonly string[] {
  return [...image.layers, initLayer(id)]
}

/** Deletes both layers and their links. An unknown id is fine. */
export async function removeContainerLayers(roots: Roots, id: string): Promise<void> {
  for (const layer of [id, initLayer(id)]) {
    await detach(mergedPath(roots, layer))
    await rm(linkPath(roots, layer), { force: true })
    await rm(layerPath(roots, layer), { recursive: true, force: true })
  }
}

/** `committed` says that it is whole, as in Docker's. */
async function createInitLayer(roots: Roots, layer: string, below: readonly string[]): Promise<void> {
  const committed = join(layerPath(roots, layer), 'committed')
  if (existsSync(committed)) return
  await createLayer(roots, layer, below)
  if (below.length === 0) makePlaces(join(layerPath(roots, layer), 'diff'))
  else await fillInitLayer(roots, layer, below)
  await writeFile(committed, '', { mode: 0o600 })
}

/**
 * Through a passing mount: only the kernel knows what the layers show together, and it copies a directory up with all its attributes.
 * A volatile one, so that unmounting does not sync the whole disk.
 */
async function fillInitLayer(roots: Roots, layer: string, below: readonly string[]): Promise<void> {
  const target = mergedPath(roots, layer)
  await detach(target)
  await renewWork(roots, layer)
  await mkdir(target, { recursive: true, mode: 0o700 })
  try {
    await mountLayer(roots, { layer, below, volatile: true })
    makePlaces(target)
  } finally {
    await detach(target)
  }
  await rm(target, { recursive: true })
  await renewWork(roots, layer)
}

async function renewWork(roots: Roots, layer: string): Promise<void> {
  const work = join(layerPath(roots, layer), 'work')
  await rm(work, { recursive: true, force: true })
  await mkdir(work, { mode: 0o700 })
}

async function createLayer(roots: Roots, layer: string, below: readonly string[]): Promise<void> {
  const directory = layerPath(roots, layer)
  const top = below.at(-1)
  await mkdir(directory, { recursive: true, mode: 0o710 })
  await makeDiff(join(directory, 'diff'), top && join(layerPath(roots, top), 'diff'))
  await writeLayerFiles(directory, layer, below)
  await linkLayer(overlayRoot(roots), layer)
}

/** The topmost layer's root is what one sees as `/`, so it takes owner and mode from the one below. Made aside: it appears whole. */
async function makeDiff(path: string, model: string | undefined): Promise<void> {
  if (existsSync(path)) return
  const aside = `${path}.new`
  const { uid, gid, mode } = model && existsSync(model) ? await stat(model) : plainRoot
  await mkdir(aside, { recursive: true })
  await chown(aside, uid, gid)
  await chmod(aside, mode & 0o7777)
  await rename(aside, path)
}

const plainRoot = { uid: 0, gid: 0, mode: 0o755 }
