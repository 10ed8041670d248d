/** What `docker save` writes: `manifest.json` names config, layers and tags of each image. Since Docker 25 the archive is an OCI layout too. */
import { badRequest } from '../errors.ts'
import type { ImageArchive } from './archive.ts'
import { parseJson } from './image-config.ts'
import { configAt, digestInName, layerArchives, type PlannedImage } from './planned-image.ts'
import { familiar, parseName } from './reference.ts'

interface Item {
  readonly Config: string
  readonly RepoTags?: readonly string[] | null
  readonly Layers?: readonly string[] | null
}

/** @throws TallyError bad-request in Docker's words. */
export async function readDockerArchive(archive: ImageArchive): Promise<readonly PlannedImage[]> {
  const manifest = parseJson(await archive.bytes('manifest.json'), 'manifest.json')
  if (!Array.isArray(manifest) || !manifest.every(isItem)) throw badRequest('invalid manifest.json')
  return await Promise.all(manifest.map((item) => readItem(archive, item)))
}

async function readItem(archive: ImageArchive, item: Item): Promise<PlannedImage> {
  const config = await configAt(archive, item.Config)
  const sources = (item.Layers ?? []).map((name) => source(archive, name))
  return { config, layers: layerArchives(config, sources), tags: (item.RepoTags ?? []).map(tagOf) }
}

function source(archive: ImageArchive, name: string) {
  const digest = digestInName(name)
  return { source: archive.range(name), ...(digest !== undefined && { digest }) }
}

function tagOf(text: string): string {
  const name = parseName(text)
  if (name.tag === undefined || name.digest !== undefined)
    throw badRequest(`invalid tag ${JSON.stringify(text)}`)
  return familiar(name)
}

function isItem(value: unknown): value is Item {
  const { Config, RepoTags, Layers } = (value ?? {}) as Record<string, unknown>
  return typeof Config === 'string' && areTexts(RepoTags) && areTexts(Layers)
}

const areTexts = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) && value.every((each) => typeof each === 'string'))
