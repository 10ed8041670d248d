/**
 * The layers of all images: unpacked once each, shared by chain id, removed when nothing uses them any more.
 *
 * A layer comes to be in this order: unpacked and flushed under `tmp`; recorded in the layerdb; renamed to `overlay2/<name>`; linked in
 * `overlay2/l`. So a directory of ours below overlay2 always has its record, and one without a record belongs to a container.
 */
import { mkdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { badRequest, TallyError } from '../errors.ts'
import { imageRoot, layerPath, overlayRoot, type Roots } from '../paths.ts'
import { type Exclusive, exclusive } from '../serial.ts'
import { moveDurably, syncDirectory } from './durable.ts'
import { type Extracted, Extractor, type FileRange } from './extraction.ts'
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
import { unusedLayers } from './unused-layers.ts'
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
  /** The same on top of the layer of that name. @throws TallyError internal if there is none */
  onTop(parent: string, archive: Readable): Promise<Layer>
}

interface Making {
  readonly parent: Layer | undefined
  readonly extract: (target: string) => Promise<Extracted>
  /** Throws if it is not what was promised. */
  readonly check: (extracted: Extracted, chainId: string) => void
}

/** Makes good what a crash has left half done; `collect` then removes what nothing uses. */
export async function openLayers(roots: Roots, workspace: Workspace): Promise<Layers> {
  const records = recordsRoot(imageRoot(roots))
  const overlay = overlayRoot(roots)
  await mkdir(records, { recursive: true, mode: 0o700 })
  await mkdir(join(overlay, 'l'), { recursive: true, mode: 0o700 })
  const whole: Layer[] = []
  for (const layer of await readRecords(records)) {
    if (await exists(join(overlay, layer.name, 'diff'))) whole.push(layer)
    else await removeRecord(records, layer)
  }
  for (const layer of whole) await linkLayer(overlay, layer.name)
  return new Layers({ roots, workspace, layers: whole })
}

export class Layers {
  readonly #roots: Roots
  readonly #workspace: Workspace
  readonly #extractor = new Extractor()
  readonly #known: Map<string, Layer>
  /** How many holds keep a chain id. */
  readonly #held = new Map<string, number>()
  readonly #making = new Map<string, Promise<Layer>>()
  /** Layers come and go one at a time; unpacking is not part of it. */
  readonly #exclusive: Exclusive = exclusive()

  constructor(options: {
    readonly roots: Roots
    readonly workspace: Workspace
    readonly layers: readonly Layer[]
  }) {
    this.#roots = options.roots
    this.#workspace = options.workspace
    this.#known = new Map(options.layers.map((layer) => [layer.chainId, layer]))
  }

  hold(): LayerHold {
    const mine: string[] = []
    const keep = (chain: string) => {
      mine.push(chain)
      this.#held.set(chain, (this.#held.get(chain) ?? 0) + 1)
    }
    return {
      fromArchive: (parent, archive) => {
        keep(chainId(parent?.chainId, archive.diffId))
        return this.#fromArchive(parent, archive)
      },
      fromStream: (archive) => this.#fromStream(archive, keep),
      onTop: (parent, archive) => this.#fromStream(archive, keep, this.#named(parent)),
      [Symbol.dispose]: () => {
        for (const chain of mine.splice(0)) this.#release(chain)
      },
    }
  }

  /**
   * Removes the layers that are neither held nor named in `inUse`.
   * @param inUse asked once nothing else changes layers. @returns the chain ids that are gone, upper ones first.
   */
  async collect(inUse: () => ReadonlySet<string>): Promise<readonly string[]> {
    return await this.#exclusive(async () => {
      const named = inUse()
      const isNeeded = ({ name, chainId: chain }: Layer) => named.has(name) || this.#held.has(chain)
      const gone: string[] = []
      // Asked again after each one: while it was removed somebody may have taken hold of the next.
      for (let layer = this.#unused(isNeeded); layer !== undefined; layer = this.#unused(isNeeded)) {
        await this.#remove(layer)
        gone.push(layer.chainId)
      }
      return gone
    })
  }

  /** One maker at a time for each layer. If another one's archive is broken, ours may still be good. */
  async #fromArchive(parent: Layer | undefined, archive: LayerArchive): Promise<Layer> {
    const chain = chainId(parent?.chainId, archive.diffId)
    for (let other = this.#making.get(chain); other !== undefined; other = this.#making.get(chain))
      await other.catch(() => undefined)
    const there = this.#known.get(chain)
    if (there !== undefined) return there
    const made = this.#makeFromArchive(parent, archive).finally(() => this.#making.delete(chain))
    this.#making.set(chain, made)
    return await made
  }

  #makeFromArchive(parent: Layer | undefined, archive: LayerArchive): Promise<Layer> {
    const index = this.#below(parent?.chainId).length
    return this.#make({
      parent,
      extract: (target) => this.#extractor.file(archive.source, target),
      check: (extracted) => check(extracted, archive, index),
    })
  }

  #named(name: string): Layer {
    const layer = this.#known.get(`sha256:${name}`)
    if (layer === undefined) throw new TallyError('internal', `layer ${name} is missing`)
    return layer
  }

  #fromStream(archive: Readable, keep: (chain: string) => void, parent?: Layer): Promise<Layer> {
    return this.#make({
      parent,
      extract: (target) => this.#extractor.stream(archive, target),
      check: (_, chain) => keep(chain),
    })
  }

  async #make({ parent, extract, check: checkIt }: Making): Promise<Layer> {
    await using aside = await this.#workspace.directory('layer')
    const made = join(aside.path, 'made')
    const target = join(made, 'diff')
    await mkdir(made, { mode: 0o700 })
    await mkdir(target, { mode: 0o755 })
    const extracted = await extract(target)
    const chain = chainId(parent?.chainId, extracted.diffId)
    checkIt(extracted, chain)
    const { diffId, size } = extracted
    const layer = { chainId: chain, diffId, parent: parent?.chainId, name: layerName(chain), size }
    return await this.#exclusive(() => this.#commit(layer, made, aside.path))
  }

  async #commit(layer: Layer, made: string, aside: string): Promise<Layer> {
    const there = this.#known.get(layer.chainId)
    if (there !== undefined) return there
    const under = this.#below(layer.parent)
    if (under.length >= MAX_LAYERS) throw badRequest('max depth exceeded')
    await writeLayerFiles(made, layer.name, under)
    await syncDirectory(made)
    await writeRecord(this.#records, layer, aside)
    await moveDurably(made, layerPath(this.#roots, layer.name))
    await linkLayer(this.#overlay, layer.name)
    await syncDirectory(join(this.#overlay, 'l'))
    this.#known.set(layer.chainId, layer)
    return layer
  }

  /** An upper one before those below it. */
  #unused(isNeeded: (layer: Layer) => boolean): Layer | undefined {
    return unusedLayers(Array.from(this.#known.values()), isNeeded)[0]
  }

  /** Moved away before anything in it is removed: what is left of it after a crash is no layer. */
  async #remove(layer: Layer): Promise<void> {
    this.#known.delete(layer.chainId)
    await using aside = await this.#workspace.directory('removed')
    await unlink(join(this.#overlay, 'l', shortLink(layer.name)))
    await rename(layerPath(this.#roots, layer.name), join(aside.path, 'layer'))
    await syncDirectory(this.#overlay)
    await removeRecord(this.#records, layer)
  }

  /** Names of the layers from the lowest up to that one. */
  #below(chain: string | undefined): readonly string[] {
    const layer = chain === undefined ? undefined : this.#known.get(chain)
    return layer === undefined ? [] : [...this.#below(layer.parent), layer.name]
  }

  #release(chain: string): void {
    const count = (this.#held.get(chain) ?? 0) - 1
    if (count > 0) this.#held.set(chain, count)
    else this.#held.delete(chain)
  }

  get #overlay(): string {
    return overlayRoot(this.#roots)
  }

  get #records(): string {
    return recordsRoot(imageRoot(this.#roots))
  }
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
