/** Finds images in the rows, by the names and ids that Docker understands. */
import { noSuchImage, TallyError } from '../errors.ts'
import type { ImageRow, ImageRows } from '../store/port.ts'
import { type ConfigValue, NEVER } from './image-config.ts'
import type { Image } from './port.ts'
import { familiar, type NamedReference, parseAny, tagged } from './reference.ts'

export interface Match {
  readonly row: ImageRow
  /** By which it was found; undefined if by its id. */
  readonly tag: string | undefined
}

/** @throws TallyError not-found, bad-request for what can be no reference. */
export function matchOf(rows: ImageRows, reference: string): Match {
  const parsed = parseAny(reference)
  if (parsed.kind === 'named') return byName(rows, parsed.name, reference)
  const row = rows.byId(parsed.id)
  if (row === undefined) throw noSuchImage(parsed.id)
  return { row, tag: undefined }
}

/** @returns undefined if there is none, or if `reference` cannot be one. */
export function findMatch(rows: ImageRows, reference: string): Match | undefined {
  try {
    return matchOf(rows, reference)
  } catch (error) {
    if (error instanceof TallyError && ['not-found', 'bad-request'].includes(error.code)) return undefined
    throw error
  }
}

export function imageOf(rows: ImageRows, row: ImageRow): Image {
  const { id, size, createdAt, diffIds, layers } = row
  const value = row.config as ConfigValue
  return {
    ...{ id, size, createdAt, diffIds, layers },
    config: value.config ?? {},
    tags: rows.tagsOf(id),
    architecture: value.architecture ?? '',
    os: value.os ?? '',
    ...(value.variant !== undefined && { variant: value.variant }),
    author: value.author ?? '',
    comment: value.comment ?? '',
    dockerVersion: value.docker_version ?? '',
    history: value.history ?? [],
    ...(value.container !== undefined && { container: value.container }),
    ...(value.container_config !== undefined && { containerConfig: value.container_config }),
  }
}

export const createdAt = ({ created }: ConfigValue): string => created ?? NEVER

function byName(rows: ImageRows, name: NamedReference, reference: string): Match {
  const tag = familiar(tagged(name))
  const id = rows.imageOfTag(tag)
  const row = id === undefined ? undefined : rows.byId(id)
  if (row !== undefined) return { row, tag }
  const found = byPrefix(rows, reference)
  if (found === undefined) throw noSuchImage(tag)
  return { row: found, tag: undefined }
}

/** Of an id, if only one has it. */
function byPrefix(rows: ImageRows, reference: string): ImageRow | undefined {
  const prefix = reference.startsWith('sha256:') ? reference : `sha256:${reference}`
  if (!/^sha256:[0-9a-f]+$/.test(prefix)) return undefined
  const [row, ...others] = rows.byIdPrefix(prefix, 2)
  return others.length === 0 ? row : undefined
}
