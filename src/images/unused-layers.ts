/** Which layers may go. Pure. */
import type { Layer } from './layer-records.ts'

/** @returns upper ones first. A layer under one that is needed is needed too. */
export function unusedLayers(
  layers: readonly Layer[],
  isNeeded: (layer: Layer) => boolean,
): readonly Layer[] {
  const byChain = new Map(layers.map((layer) => [layer.chainId, layer]))
  const needed = new Set(layers.filter(isNeeded).flatMap((layer) => downFrom(layer, byChain)))
  const depth = (layer: Layer) => downFrom(layer, byChain).length
  return layers.filter((layer) => !needed.has(layer)).sort((a, b) => depth(b) - depth(a))
}

/** The layer and all under it. */
function downFrom(layer: Layer, byChain: ReadonlyMap<string, Layer>): readonly Layer[] {
  const parent = layer.parent === undefined ? undefined : byChain.get(layer.parent)
  return parent === undefined ? [layer] : [layer, ...downFrom(parent, byChain)]
}
