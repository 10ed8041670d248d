/** The two layers that belong to one container: `<id>-init` with the empty bind targets and `<id>` with what the container writes. */

import { chmodSync, chownSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises'
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
  const root = rootOf(roots, image.layers.at(-1))
  await createInitLayer(roots, { layer: initLayer(id), below: image.layers, root })
  await createLayer(roots, { layer: id, below: layersBelow(id, image), root })
}

/** What lies under the container's own layer, the lowest first. */
export function layersBelow(id: string, image: ImageReference): readonly string[] {
  return [...image.layers, initLayer(id)]
}

/** Deletes both layers and their links, the init layer last: as long as it is there one sees that the other is a container's. An unknown id is fine. */
export async function removeContainerLayers(roots: Roots, id: string): Promise<void> {
  await removeLayer(roots, id)
  await removeLayer(roots, initLayer(id))
}

async function removeLayer(roots: Roots, layer: string): Promise<void> {
  if (existsSync(mergedPath(roots, layer))) await detach(mergedPath(roots, layer))
  rmSync(linkPath(roots, layer), { force: true })
  await rm(layerPath(roots, layer), { recursive: true, force: true })
}

interface NewLayer {
  readonly layer: string
  /** The lowest first. */
  readonly below: readonly string[]
  readonly root: RootAttributes
}

/** Of the directory that one sees as `/`: the topmost layer's, so ours take them from the image. */
interface RootAttributes {
  readonly uid: number
  readonly gid: number
  readonly mode: number
}

function rootOf(roots: Roots, top: string | undefined): RootAttributes {
  const found = top && statSync(join(layerPath(roots, top), 'diff'), { throwIfNoEntry: false })
  return found || { uid: 0, gid: 0, mode: 0o755 }
}

/** `committed` says that it is whole, as in Docker's. */
async function createInitLayer(roots: Roots, made: NewLayer): Promise<void> {
  const directory = layerPath(roots, made.layer)
  const committed = join(directory, 'committed')
  if (existsSync(committed)) return
  await createLayer(roots, made)
  if (made.below.length === 0) makePlaces(join(directory, 'diff'))
  else await fillInitLayer(roots, made)
  await writeFile(committed, '', { mode: 0o600 })
}

/**
 * Through a passing mount: only the kernel knows what the layers show together, and it copies a directory up with all its attributes.
 * A volatile one, so that unmounting does not sync the whole disk; its work directory is not used again.
 */
async function fillInitLayer(roots: Roots, { layer, below }: NewLayer): Promise<void> {
  const target = mergedPath(roots, layer)
  await clearAttempt(roots, layer)
  await mkdir(target, { recursive: true, mode: 0o700 })
  try {
    await mountLayer(roots, { layer, below, volatile: true })
    makePlaces(target)
  } finally {
    await detach(target)
  }
  await rmdir(target)
}

/** What a crash in the midst of it left: a mount, or a work directory that has been used. */
async function clearAttempt(roots: Roots, layer: string): Promise<void> {
  const work = join(layerPath(roots, layer), 'work')
  if (existsSync(mergedPath(roots, layer))) await detach(mergedPath(roots, layer))
  if (!existsSync(join(work, 'work'))) return
  await rm(work, { recursive: true })
  await mkdir(work, { mode: 0o700 })
}

async function createLayer(roots: Roots, { layer, below, root }: NewLayer): Promise<void> {
  const directory = layerPath(roots, layer)
  await mkdir(directory, { recursive: true, mode: 0o710 })
  makeDiff(join(directory, 'diff'), root)
  await writeLayerFiles(directory, layer, below)
  await linkLayer(overlayRoot(roots), layer)
}

/** Made aside: it appears with owner and mode or not at all. */
function makeDiff(path: string, { uid, gid, mode }: RootAttributes): void {
  if (existsSync(path)) return
  const aside = `${path}.new`
  mkdirSync(aside, { recursive: true })
  chownSync(aside, uid, gid)
  chmodSync(aside, mode & 0o7777)
  renameSync(aside, path)
}
