/** One image as an archive describes it, and the checks that both formats share. */
import { badRequest } from '../errors.ts'
import type { ImageArchive } from './archive.ts'
import { type ConfigBlob, readConfig, sha256 } from './image-config.ts'
import type { LayerArchive } from './layers.ts'

export interface PlannedImage {
  readonly config: ConfigBlob
  /** The lowest first. */
  readonly layers: readonly LayerArchive[]
  /** In Docker's familiar form, with a tag each. */
  readonly tags: readonly string[]
}

/** The config at `name`, whose digest must be the one in its name if there is one. @throws TallyError bad-request */
export async function configAt(archive: ImageArchive, name: string, digest?: string): Promise<ConfigBlob> {
  const bytes = await archive.bytes(name)
  const expected = digest ?? digestInName(name)
  if (expected !== undefined && sha256(bytes) !== expected)
    throw badRequest(`invalid digest for ${name}: expected "${expected}", got "${sha256(bytes)}"`)
  return readConfig(bytes)
}

/** `<hex>.json` of older and `blobs/sha256/<hex>` of newer archives. */
export function digestInName(name: string): string | undefined {
  const hex = /^(?:blobs\/sha256\/)?([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1]
  return hex === undefined ? undefined : `sha256:${hex}`
}

/** Pairs the diff ids of a config with the archives of its layers. @throws TallyError bad-request if their number differs. */
export function layerArchives(
  config: ConfigBlob,
  sources: readonly Omit<LayerArchive, 'diffId'>[],
): readonly LayerArchive[] {
  const diffIds = config.value.rootfs.diff_ids
  if (diffIds.length !== sources.length)
    throw badRequest(
      `invalid manifest, layers length mismatch: expected ${sources.length}, got ${diffIds.length}`,
    )
  return sources.map((source, index) => ({ ...source, diffId: diffIds[index] ?? '' }))
}
