/**
 * The layers of all images: unpacked once each, shared by chain id, removed when nothing uses them any more.
 *
 * A layer comes to be in this order: unpacked and flushed under `tmp`; recorded in the layerdb; renamed to `overlay2/<name>`; linked in
 * `overlay2/l`. So a directory of ours below overlay2 always has its record, and one without a record belongs to a container.
 */
import { mkdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { badRequest } from '../errors.ts'
import { imageRoot, layerPath, overlayRoot, type Roots } from '../paths.ts'
import { moveDurably, syncDirectory } from './durable.ts'
import { type Extracted, extractFile, extractStream, type FileRange } from './extraction.ts'
import { linkLayer, MAX_LAYERS, shortLink, writeLayerFiles } from './layer-link.ts'
import {
  chainId,
  type Layer,
  layerName,
  readRecords,
  recordsRoot,
  removeRecord,
  writeRecord,
} from './layer-records.ts'
import { serial } from './serial.ts'
import type { Workspace } from './workspace.ts'

/** One layer of an image that is being loaded. */
export interface LayerArchive {
  readonly source: FileRange
  readonly diffId: string
  /** Of the archive as it is stored, where a manifest promises one. */
  readonly digest?: string
}

/** Layers that an import or load has made or found; they are safe from `collect` until it is disposed of. */
export interface LayerHold extends Disposable {
  /** The layer on top of `parent`: found, or unpacked and checked. @throws TallyError bad-request */
  fromArchive(parent: Layer | undefined, archive: LayerArchive): Promise<Layer>
  /** A lowest layer from a tar whose digest is not known before. @throws TallyError bad-request */
  fromStream(archive: Readable): Promise<Layer>
}

export interface Layers {
  hold(): LayerHold
  get(chainId: string): Layer | undefined
  /**
   * Removes the layers that are neither held nor named in `inUse`.
   * @param inUse asked once nothing else changes layers. @returns the chain ids that are gone, upper ones first.
   */
  collect(inUse: () => ReadonlySet<string>): Promise<readonly string[]>
}

/** Makes good what a crash has left half done; `collect` then removes what nothing uses. */
export async function openLayers(roots: Roots, workspace: Workspace): Promise<Layers> {
  const records = recordsRoot(imageRoot(roots))
  const overlay = overlayRoot(roots)
  await mkdir(records, { recursive: true, mode: 0o700 })
  await mkdir(join(overlay, 'l'), { recursive: true, mode: 0o700 })
  const known = new Map<string, Layer>()
  const held = new Map<string, number>()
  const making = new Map<string, Promise<Layer>>()
  const exclusive = serial()

  for (const layer of await readRecords(records)) {
    if (await exists(join(layerPath(roots, layer.name), 'diff'))) await relink(layer)
    else await removeRecord(records, layer)
  }

  async function relink(layer: Layer): Promise<void> {
    await linkLayer(overlay, layer.name)
    known.set(layer.chainId, layer)
  }

  /** Names of the layers under it, the lowest first. */
  function below(parent: string | undefined): readonly string[] {
    const layer = parent === undefined ? undefined : known.get(parent)
    return layer === undefined ? [] : [...below(layer.parent), layer.name]
  }

  async function commit(layer: Layer, made: string, aside: string): Promise<Layer> {
    const there = known.get(layer.chainId)
    if (there !== undefined) return there
    const under = below(layer.parent)
    if (under.length >= MAX_LAYERS) throw badRequest('max depth exceeded')
    await writeLayerFiles(made, layer.name, under)
    await syncDirectory(made)
    await rm(join(records, layer.name), { recursive: true, force: true })
    await writeRecord(records, layer, aside)
    await moveDurably(made, layerPath(roots, layer.name))
    await linkLayer(overlay, layer.name)
    await syncDirectory(join(overlay, 'l'))
    known.set(layer.chainId, layer)
    return layer
  }

  async function make(
    parent: Layer | undefined,
    extract: (target: string) => Promise<Extracted>,
    onExtracted: (extracted: Extracted, chainId: string) => void,
  ): Promise<Layer> {
    await using aside = await workspace.directory('layer')
    const made = join(aside.path, 'made')
    const target = join(made, 'diff')
    await mkdir(made, { mode: 0o700 })
    await mkdir(target, { mode: 0o755 })
    const extracted = await extract(target)
    const chain = chainId(parent?.chainId, extracted.diffId)
    onExtracted(extracted, chain)
    const { diffId, size } = extracted
    const layer = { chainId: chain, diffId, parent: parent?.chainId, name: layerName(chain), size }
    return await exclusive(() => commit(layer, made, aside.path))
  }

  /** One maker at a time for each layer. Another one's failure is its own archive's: then we try ours. */
  async function found(chain: string, makeIt: () => Promise<Layer>): Promise<Layer> {
    for (let other = making.get(chain); other !== undefined; other = making.get(chain))
      await other.catch(() => undefined)
    const there = known.get(chain)
    if (there !== undefined) return there
    const made = makeIt().finally(() => making.delete(chain))
    making.set(chain, made)
    return await made
  }

  function hold(): LayerHold {
    const mine: string[] = []
    const keep = (chain: string) => {
      mine.push(chain)
      held.set(chain, (held.get(chain) ?? 0) + 1)
    }
    return {
      async fromArchive(parent, archive) {
        const chain = chainId(parent?.chainId, archive.diffId)
        keep(chain)
        return await found(chain, () =>
          make(
            parent,
            (target) => extractFile(archive.source, target),
            (extracted) => check(extracted, archive, below(parent?.chainId).length),
          ),
        )
      },
      fromStream: (archive) =>
        make(
          undefined,
          (target) => extractStream(archive, target),
          (_, chain) => keep(chain),
        ),
      [Symbol.dispose]() {
        for (const chain of mine.splice(0)) release(chain)
      },
    }
  }

  function release(chain: string): void {
    const count = (held.get(chain) ?? 0) - 1
    if (count > 0) held.set(chain, count)
    else held.delete(chain)
  }

  /** Moved away before anything in it is removed: what is left of it after a crash is no layer. */
  async function remove(layer: Layer): Promise<void> {
    known.delete(layer.chainId)
    await using aside = await workspace.directory('removed')
    await unlink(join(overlay, 'l', shortLink(layer.name)))
    await rename(layerPath(roots, layer.name), join(aside.path, 'layer'))
    await syncDirectory(overlay)
    await removeRecord(records, layer)
  }

  async function collect(inUse: () => ReadonlySet<string>): Promise<readonly string[]> {
    return await exclusive(async () => {
      const victims = unused({ layers: Array.from(known.values()), named: inUse(), held })
      for (const layer of victims) await remove(layer)
      return victims.map((layer) => layer.chainId)
    })
  }

  return { hold, get: (chain) => known.get(chain), collect }
}

/** Upper ones first. A layer whose upper one is needed is needed too. */
function unused(options: {
  readonly layers: readonly Layer[]
  readonly named: ReadonlySet<string>
  readonly held: ReadonlyMap<string, number>
}): readonly Layer[] {
  const { layers, named, held } = options
  const byChain = new Map(layers.map((layer) => [layer.chainId, layer]))
  const needed = new Set<string>()
  for (const layer of layers) {
    if (!named.has(layer.name) && !held.has(layer.chainId)) continue
    for (
      let each: Layer | undefined = layer;
      each !== undefined;
      each = each.parent ? byChain.get(each.parent) : undefined
    )
      needed.add(each.chainId)
  }
  const depth = (layer: Layer): number => {
    const parent = layer.parent === undefined ? undefined : byChain.get(layer.parent)
    return parent === undefined ? 0 : depth(parent) + 1
  }
  return layers.filter((layer) => !needed.has(layer.chainId)).sort((a, b) => depth(b) - depth(a))
}

function check({ diffId, blobDigest }: Extracted, archive: LayerArchive, index: number): void {
  if (archive.digest !== undefined && archive.digest !== blobDigest)
    throw badRequest(`invalid digest for layer ${index}: expected "${archive.digest}", got "${blobDigest}"`)
  if (archive.diffId !== diffId)
    throw badRequest(`invalid diffID for layer ${index}: expected "${archive.diffId}", got "${diffId}"`)
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
