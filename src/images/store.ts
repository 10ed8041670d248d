/** The images of this daemon: layers and configs on disk, all else events and their rows. */
import type { Readable } from 'node:stream'
import type { ContainerContext } from '../../machines/container-context.ts'
import type { ImageEvent } from '../../machines/image-events.ts'
import type { Clock } from '../clock.ts'
import { badRequest } from '../errors.ts'
import type { Origin } from '../origin.ts'
import { imageRoot, type Roots } from '../paths.ts'
import { type Exclusive, exclusive } from '../serial.ts'
import type { ContainerRows, EventStore, ImageRow, RecordedEvent } from '../store/port.ts'
import { receiveArchive } from './archive.ts'
import { createdAt, findMatch, imageOf, matchOf } from './catalog.ts'
import { applyChanges } from './changes.ts'
import { committedConfig } from './committed-config.ts'
import { type ConfigBlobs, openConfigBlobs } from './config-blobs.ts'
import { type ConfigBlob, type ConfigValue, importedConfig } from './image-config.ts'
import type { Layer } from './layer-records.ts'
import { type LayerHold, type Layers, openLayers } from './layers.ts'
import { planLoad } from './load-plan.ts'
import type { PlannedImage } from './planned-image.ts'
import type {
  CommitOptions,
  CommittedName,
  Image,
  ImageDeletion,
  Images,
  ImportOptions,
  RemoveImageOptions,
} from './port.ts'
import { type ImageProjections, imageStream, projectImage } from './projection.ts'
import { familiar, type NamedReference, tagged, withTag } from './reference.ts'
import { decideRemoval } from './removal.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

export interface ImagesOptions {
  readonly roots: Roots
  /** `Store` of store/open.ts, as far as images need it. */
  readonly store: ImageProjections & { readonly events: EventStore; readonly containers: ContainerRows }
  readonly clock: Clock
}

/** Clears away what a crash has left half done. Nothing else may use the same data root. */
export async function openImages({ roots, store, clock }: ImagesOptions): Promise<Images> {
  const workspace = await openWorkspace(roots)
  const configs = await openConfigBlobs(imageRoot(roots), workspace)
  const layers = await openLayers(roots, workspace)
  const images = new ImageStore({ store, clock, workspace, configs, layers })
  await images.clean()
  store.events.onAppend((recorded) => images.observe(recorded))
  return images
}

interface Parts extends Pick<ImagesOptions, 'store' | 'clock'> {
  readonly workspace: Workspace
  readonly configs: ConfigBlobs
  readonly layers: Layers
}

class ImageStore implements Images {
  readonly #parts: Parts
  /** Images come and go one at a time; unpacking, which takes long, is not part of it. */
  readonly #exclusive: Exclusive = exclusive()
  /** Layers of a deleted image that a container still needs. */
  #lingering = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  list(): readonly Image[] {
    const { images } = this.#parts.store
    return images.list().map((row) => imageOf(images, row))
  }

  get(reference: string): Image {
    const { images } = this.#parts.store
    return imageOf(images, matchOf(images, reference).row)
  }

  find(reference: string): Image | undefined {
    const { images } = this.#parts.store
    const match = findMatch(images, reference)
    return match && imageOf(images, match.row)
  }

  async import(archive: Readable, options: ImportOptions, origin: Origin): Promise<string> {
    failLater(archive)
    const tag = options.repository ? tagNamed(options.repository, options.tag ?? '') : undefined
    applyChanges({}, options.changes) // a bad change is refused before anything is read
    using hold = this.#parts.layers.hold()
    const layer = await hold.fromStream(archive)
    const config = importedConfig(layer.diffId, options, this.#parts.clock.now())
    const imported: ImageEvent = { type: 'ImageImported', ...contentOf(config, [layer]) }
    await this.#commit(
      config,
      tag === undefined ? [imported] : [imported, { type: 'ImageTagged', tag }],
      origin,
    )
    return config.id
  }

  /** @param archive the container's layer; undefined: it has written nothing. */
  async commit(
    archive: Readable | undefined,
    options: CommitOptions,
    origin: Origin,
  ): Promise<CommittedName> {
    const { store, layers, clock } = this.#parts
    const tag = options.repository ? tagNamed(options.repository, options.tag ?? '') : undefined
    const { row } = matchOf(store.images, options.parentId)
    using hold = layers.hold()
    const layer = archive && (await layerOnTop(hold, row, archive))
    const parent = row.config as ConfigValue
    const config = committedConfig({ ...options, parent, diffId: layer?.diffId, created: clock.now() })
    const committed: ImageEvent = { type: 'ImageCommitted', ...contentOnTop(config, row, layer) }
    const events = tag === undefined ? [committed] : [committed, { type: 'ImageTagged' as const, tag }]
    await this.#commit(config, events, origin)
    return { id: config.id, reference: tag ?? '' }
  }

  async load(archive: Readable, origin: Origin): Promise<readonly string[]> {
    failLater(archive)
    await using spool = await this.#parts.workspace.directory('load')
    const lines: string[] = []
    for (const planned of await planLoad(await receiveArchive(archive, spool.path)))
      lines.push(...(await this.#loadOne(planned, origin)))
    return lines
  }

  async tag(
    reference: string,
    target: { readonly repository: string; readonly tag: string },
    origin: Origin,
  ): Promise<void> {
    const tag = tagNamed(target.repository, target.tag)
    await this.#exclusive(async () => {
      const { row } = matchOf(this.#parts.store.images, reference)
      await this.#append(row.id, [{ type: 'ImageTagged', tag }], origin)
    })
  }

  async remove(
    reference: string,
    { force, usedBy }: RemoveImageOptions,
    origin: Origin,
  ): Promise<readonly ImageDeletion[]> {
    return await this.#exclusive(async () => {
      const { images } = this.#parts.store
      const { row, tag } = matchOf(images, reference)
      const imageId = row.id
      const users = usedBy(imageId)
      const removal = decideRemoval({ reference, imageId, tags: images.tagsOf(imageId), tag, force, users })
      const untagged = removal.untag.map((each): ImageEvent => ({ type: 'ImageUntagged', tag: each }))
      const deleted: readonly ImageEvent[] = removal.deleteImage ? [{ type: 'ImageDeleted' }] : []
      await this.#append(imageId, [...untagged, ...deleted], origin)
      const gone = removal.deleteImage ? await this.#discard(imageId) : []
      return [...removal.untag.map((Untagged) => ({ Untagged })), ...gone.map((Deleted) => ({ Deleted }))]
    })
  }

  /** Removes configs and layers that no image and no container needs. */
  async clean(): Promise<void> {
    const ids = this.#parts.store.images.list().map(({ id }) => id)
    await this.#parts.configs.keepOnly(new Set(ids))
    await this.#collect()
  }

  /** A container that goes may have been the last user of an image that went before it. */
  observe(recorded: readonly RecordedEvent[]): void {
    const removed = ({ stream, event }: RecordedEvent) =>
      stream.startsWith('container/') && event.type === 'Removed'
    if (!this.#lingering || !recorded.some(removed)) return
    this.#exclusive(() => this.#collect()).catch((error: Error) => process.emitWarning(error))
  }

  async #loadOne({ config, layers, tags }: PlannedImage, origin: Origin): Promise<readonly string[]> {
    using hold = this.#parts.layers.hold()
    const made: Layer[] = []
    for (const archive of layers) made.push(await hold.fromArchive(made.at(-1), archive))
    const renamed = tags.flatMap((tag) => this.#renaming(tag, config.id))
    const loaded: ImageEvent = { type: 'ImageLoaded', tags, ...contentOf(config, made) }
    await this.#commit(config, [loaded], origin)
    if (tags.length === 0) return [`Loaded image ID: ${config.id}`]
    return [...renamed, ...tags.map((tag) => `Loaded image: ${tag}`)]
  }

  #renaming(tag: string, imageId: string): readonly string[] {
    const before = this.#parts.store.images.imageOfTag(tag)
    if (before === undefined || before === imageId) return []
    return [`The image ${tag} already exists, renaming the old one with ID ${before} to empty string`]
  }

  async #commit(config: ConfigBlob, events: readonly ImageEvent[], origin: Origin): Promise<void> {
    await this.#exclusive(async () => {
      await this.#parts.configs.put(config)
      await this.#append(config.id, events, origin)
    })
  }

  async #append(imageId: string, events: readonly ImageEvent[], origin: Origin): Promise<void> {
    const { store } = this.#parts
    const stream = imageStream(imageId)
    const expectedVersion = store.events.streams(stream)[0]?.version ?? 0
    const project = (recorded: readonly RecordedEvent<ImageEvent>[]) => {
      for (const each of recorded) projectImage(each, store)
    }
    store.events.append({ stream, expectedVersion, events, origin, project })
    await store.events.durable()
  }

  async #discard(imageId: string): Promise<readonly string[]> {
    await this.#parts.configs.remove(imageId)
    return [imageId, ...(await this.#collect())]
  }

  async #collect(): Promise<readonly string[]> {
    return await this.#parts.layers.collect(() => {
      const ofImages = this.#parts.store.images.list().flatMap(({ layers }) => layers)
      const named = new Set(ofImages)
      const ofContainers = this.#layersOfContainers()
      this.#lingering = ofContainers.some((layer) => !named.has(layer))
      return new Set([...ofImages, ...ofContainers])
    })
  }

  #layersOfContainers(): readonly string[] {
    const rows = this.#parts.store.containers.list()
    return rows.flatMap(({ state }) => (state.context as ContainerContext).spec?.image.layers ?? [])
  }
}

/** A sender that goes away before its stream is read must end its own request, not the process: whoever reads gets the error too. */
function failLater(archive: Readable): void {
  archive.on('error', () => undefined)
}

function tagNamed(repository: string, tag: string): string {
  const name: NamedReference = tagged(withTag(repository, tag))
  if (name.digest !== undefined) throw badRequest('refusing to create a tag with a digest reference')
  return familiar(name)
}

/** An image without layers has none below. */
function layerOnTop(hold: LayerHold, { layers }: ImageRow, archive: Readable): Promise<Layer> {
  failLater(archive)
  const top = layers.at(-1)
  return top === undefined ? hold.fromStream(archive) : hold.onTop(top, archive)
}

const contentOnTop = (config: ConfigBlob, below: ImageRow, layer: Layer | undefined) => ({
  id: config.id,
  size: below.size + (layer?.size ?? 0),
  createdAt: createdAt(config.value),
  diffIds: [...below.diffIds, ...(layer ? [layer.diffId] : [])],
  layers: [...below.layers, ...(layer ? [layer.name] : [])],
  config: config.value,
})

function contentOf(config: ConfigBlob, layers: readonly Layer[]) {
  return {
    id: config.id,
    size: layers.reduce((sum, { size }) => sum + size, 0),
    createdAt: createdAt(config.value),
    diffIds: layers.map(({ diffId }) => diffId),
    layers: layers.map(({ name }) => name),
    config: config.value,
  }
}
