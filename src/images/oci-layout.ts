/** OCI image layouts (image-layout.md): `index.json` leads through indexes to the manifests, everything else is a blob named by its digest. */
import { badRequest } from '../errors.ts'
import type { ImageArchive } from './archive.ts'
import { isDigest, parseJson, sha256 } from './image-config.ts'
import { configAt, layerArchives, type PlannedImage } from './planned-image.ts'
import { ownPlatform } from './platform.ts'
import { familiar, parseName, tagged } from './reference.ts'

interface Descriptor {
  readonly digest: string
  readonly mediaType?: string
  readonly platform?: { readonly architecture?: string; readonly os?: string }
  readonly annotations?: Readonly<Record<string, string>> | null
}

interface Manifest {
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

const MAX_NESTING = 8
const FULL_NAME = 'io.containerd.image.name'
const REFERENCE_NAME = 'org.opencontainers.image.ref.name'

/** One image for each entry of the index: of an entry for several platforms, ours. @throws TallyError bad-request */
export async function readOciLayout(archive: ImageArchive): Promise<readonly PlannedImage[]> {
  const index = indexOf(parseJson(await archive.bytes('index.json'), 'index.json'))
  const images: PlannedImage[] = []
  for (const entry of index.filter(isForUs)) images.push(await readEntry(archive, entry))
  if (images.length === 0) throw noImage()
  return merged(images)
}

async function readEntry(archive: ImageArchive, entry: Descriptor): Promise<PlannedImage> {
  const manifest = await findManifest(archive, entry, MAX_NESTING)
  if (manifest === undefined) throw noImage()
  const config = await configAt(archive, blobPath(manifest.config), manifest.config.digest)
  const sources = manifest.layers.map((layer) => ({
    source: archive.range(blobPath(layer)),
    digest: layer.digest,
  }))
  return { config, layers: layerArchives(config, sources), tags: tagsOf(entry) }
}

/** Goes down through nested indexes to the first manifest for this machine. */
async function findManifest(
  archive: ImageArchive,
  descriptor: Descriptor,
  depth: number,
): Promise<Manifest | undefined> {
  if (depth === 0) throw badRequest('the OCI layout nests too many indexes')
  const document = await readBlob(archive, descriptor)
  if (isManifest(document)) return document
  for (const entry of indexOf(document).filter(isForUs)) {
    const found = await findManifest(archive, entry, depth - 1)
    if (found !== undefined) return found
  }
  return undefined
}

async function readBlob(archive: ImageArchive, descriptor: Descriptor): Promise<unknown> {
  const path = blobPath(descriptor)
  const bytes = await archive.bytes(path)
  if (sha256(bytes) !== descriptor.digest)
    throw badRequest(`invalid digest for ${path}: expected "${descriptor.digest}", got "${sha256(bytes)}"`)
  return parseJson(bytes, path)
}

const blobPath = ({ digest }: Descriptor): string => `blobs/${digest.replace(':', '/')}`

/** Attestations are manifests for the platform `unknown/unknown`. */
function isForUs({ platform }: Descriptor): boolean {
  if (platform === undefined) return true
  return platform.os === ownPlatform.os && platform.architecture === ownPlatform.architecture
}

/** A bare tag names no repository, so it is no name. */
function tagsOf({ annotations }: Descriptor): readonly string[] {
  const name = annotations?.[FULL_NAME] ?? annotations?.[REFERENCE_NAME]
  if (name === undefined || (annotations?.[FULL_NAME] === undefined && !/[:/]/.test(name))) return []
  const parsed = tagged(parseName(name))
  return parsed.digest === undefined ? [familiar(parsed)] : []
}

/** An image with several names has an entry for each. */
function merged(images: readonly PlannedImage[]): readonly PlannedImage[] {
  const byId = new Map<string, PlannedImage>()
  for (const image of images) {
    const before = byId.get(image.config.id)
    byId.set(image.config.id, before ? { ...before, tags: [...before.tags, ...image.tags] } : image)
  }
  return Array.from(byId.values())
}

function indexOf(value: unknown): readonly Descriptor[] {
  const { manifests } = (value ?? {}) as Record<string, unknown>
  if (!Array.isArray(manifests) || !manifests.every(isDescriptor)) throw badRequest('invalid OCI index')
  return manifests
}

function isManifest(value: unknown): value is Manifest {
  const { config, layers } = (value ?? {}) as Record<string, unknown>
  return isDescriptor(config) && Array.isArray(layers) && layers.every(isDescriptor)
}

function isDescriptor(value: unknown): value is Descriptor {
  const { digest, annotations } = (value ?? {}) as Record<string, unknown>
  return isDigest(digest) && typeof (annotations ?? {}) === 'object'
}

const noImage = () =>
  badRequest(`the OCI layout has no image for ${ownPlatform.os}/${ownPlatform.architecture}`)
