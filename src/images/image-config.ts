/** Image configs (OCI image spec, config.md): read as far as we need them, made for imports. */
import { createHash } from 'node:crypto'
import { badRequest } from '../errors.ts'
import { applyChanges } from './changes.ts'
import { ownPlatform } from './platform.ts'
import type { ImageConfig, ImageHistory, ImportOptions } from './port.ts'

export interface ConfigBlob {
  /** As they came; the image's id is their digest. */
  readonly bytes: Uint8Array
  readonly id: string
  readonly value: ConfigValue
}

/** What a config's JSON may hold. Whatever else is in it is kept but not read. */
export interface ConfigValue {
  readonly config?: ImageConfig | null
  readonly created?: string | null
  readonly architecture?: string
  readonly variant?: string
  readonly os?: string
  readonly author?: string
  readonly comment?: string
  readonly docker_version?: string
  /** The container that it was made of. */
  readonly container?: string
  readonly container_config?: ImageConfig
  readonly history?: readonly ImageHistory[] | null
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] }
}

/** Go's zero time, which Docker shows for an image that says nothing. */
export const NEVER = '0001-01-01T00:00:00Z'

const digestPattern = /^sha256:[0-9a-f]{64}$/

/** @throws TallyError bad-request for what is no image config, or one of another operating system. */
export function readConfig(bytes: Uint8Array): ConfigBlob {
  const value = parseJson(bytes, 'image config')
  if (!isConfig(value))
    throw badRequest('invalid image config: rootfs with the digests of the layers is missing')
  if (value.os !== undefined && value.os !== '' && value.os !== 'linux')
    throw badRequest(`cannot load ${value.os} image on linux`)
  return { bytes, id: sha256(bytes), value }
}

/** The config that `docker import` makes. @throws TallyError bad-request for a bad change. */
export function importedConfig(diffId: string, options: ImportOptions, created: string): ConfigBlob {
  const comment =
    options.message === undefined || options.message === '' ? 'Imported from -' : options.message
  const value: ConfigValue = {
    ...ownPlatform,
    comment,
    config: applyChanges({}, options.changes),
    created,
    history: [{ created, comment }],
    rootfs: { type: 'layers', diff_ids: [diffId] },
  }
  const bytes = Buffer.from(JSON.stringify(value))
  return { bytes, id: sha256(bytes), value }
}

/** @param what for the message. @throws TallyError bad-request */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
  } catch (cause) {
    throw badRequest(`invalid ${what}: it is not JSON`, cause)
  }
}

export const sha256 = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`

export const isDigest = (text: unknown): text is string =>
  typeof text === 'string' && digestPattern.test(text)

function isConfig(value: unknown): value is ConfigValue {
  const { rootfs, created, config } = (value ?? {}) as Record<string, unknown>
  const { diff_ids } = (rootfs ?? {}) as Record<string, unknown>
  const { Labels } = (config ?? {}) as Record<string, unknown>
  const hasTime = created === undefined || created === null || isTime(created)
  return hasTime && isTextTable(Labels ?? {}) && Array.isArray(diff_ids) && diff_ids.every(isDigest)
}

const isTime = (value: unknown): boolean => typeof value === 'string' && !Number.isNaN(Date.parse(value))

const isTextTable = (value: unknown): boolean =>
  typeof value === 'object' && Object.values(value ?? {}).every((each) => typeof each === 'string')
