/** `GET /system/df`: what images and containers take on disk. */
import type { ContainerView, Engine } from '../../engine/port.ts'
import type { Image } from '../../images/port.ts'
import { type Roots, volumeDataPath } from '../../paths.ts'
import { directorySize, layerSize } from '../disk-usage.ts'
import { imageSummary } from './image.ts'
import { volumeView } from './volume.ts'

export interface DiskUsage {
  readonly engine: Engine
  readonly roots: Roots
  /** Items of `GET /containers/json` with their sizes. */
  readonly containerItems: readonly object[]
}

export async function diskUsage({ engine, roots, containerItems }: DiskUsage): Promise<object> {
  const images = engine.images.list()
  const containers = engine.list()
  const layers = await layerSizes(images, roots)
  return {
    LayersSize: [...layers.values()].reduce((sum, { size }) => sum + size, 0),
    Images: images.map((image) => imageSummary(image, imageUse(image, containers, layers))),
    Containers: containerItems,
    Volumes: await volumeItems(engine, roots),
    BuildCache: null,
    BuilderSize: 0,
  }
}

async function volumeItems({ volumes }: Engine, roots: Roots): Promise<readonly object[]> {
  const items: object[] = []
  for (const volume of volumes.list()) {
    const Size = await directorySize(volumeDataPath(roots, volume.name))
    items.push({ ...volumeView(roots, volume), UsageData: { RefCount: volume.users.length, Size } })
  }
  return items
}

interface LayerUse {
  readonly size: number
  readonly images: number
}

/** One directory after the other, so that others are served meanwhile. */
async function layerSizes(images: readonly Image[], roots: Roots): Promise<ReadonlyMap<string, LayerUse>> {
  const layers = new Map<string, LayerUse>()
  for (const layer of images.flatMap((image) => image.layers)) {
    const known = layers.get(layer) ?? { size: await layerSize(roots, layer), images: 0 }
    layers.set(layer, { ...known, images: known.images + 1 })
  }
  return layers
}

function imageUse(
  { id, layers }: Image,
  containers: readonly ContainerView[],
  sizes: ReadonlyMap<string, LayerUse>,
): { readonly containers: number; readonly sharedSize: number } {
  const shared = layers.map((layer) => sizes.get(layer)).filter((use) => use !== undefined && use.images > 1)
  return {
    containers: containers.filter(({ context }) => context.spec?.image.id === id).length,
    sharedSize: shared.reduce((sum, use) => sum + (use?.size ?? 0), 0),
  }
}
