/** Mounts a container's layer over those below it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { TallyError } from '../errors.ts'
import { shortLink } from '../images/layer-link.ts'
import { failedWith } from '../kernel/addon.ts'
import { mountAt } from '../kernel/mountinfo.ts'
import { mountOverlay, startsFileSystem } from '../kernel/mounts.ts'
import { layerPath, overlayRoot, type Roots } from '../paths.ts'

export interface LayerMount {
  readonly layer: string
  /** The layers below, the lowest first. */
  readonly below: readonly string[]
  readonly volatile?: boolean
}

export const mergedPath = (roots: Roots, layer: string): string => join(layerPath(roots, layer), 'merged')

/** The layers are named by their short links, so that 128 of them fit. @throws TallyError internal that names the layer which is missing. */
export async function mountLayer(
  roots: Roots,
  { layer, below, volatile = false }: LayerMount,
): Promise<void> {
  const directory = layerPath(roots, layer)
  try {
    await mountOverlay({
      lowers: below.map((name) => linkPath(roots, name)).reverse(),
      upper: join(directory, 'diff'),
      work: join(directory, 'work'),
      target: mergedPath(roots, layer),
      cwd: overlayRoot(roots),
      volatile,
    })
  } catch (cause) {
    throw new TallyError('internal', sentence(roots, { layer, below }, cause), {
      detail: String(cause),
      cause,
    })
  }
}

/** Whether this layer's own overlay is what one sees at its `merged`. */
export async function isLayerMounted(roots: Roots, layer: string): Promise<boolean> {
  const target = mergedPath(roots, layer)
  if (!startsFileSystem(target)) return false
  const mount = await mountAt(target)
  const upper = mount?.options.find((option) => option.startsWith('upperdir='))
  return mount?.type === 'overlay' && upper?.endsWith(`${layer}/diff`) === true
}

export const linkPath = (roots: Roots, layer: string): string =>
  join(overlayRoot(roots), 'l', shortLink(layer))

/** The kernel says only that something is missing, not what. */
function sentence(roots: Roots, { layer, below }: LayerMount, cause: unknown): string {
  const missing = failedWith(cause, 'ENOENT') && below.find((name) => !existsSync(linkPath(roots, name)))
  if (missing) return `lowerdir ${join(layerPath(roots, missing), 'diff')} missing`
  return `error mounting ${mergedPath(roots, layer)}: ${cause instanceof Error ? cause.message : String(cause)}`
}
