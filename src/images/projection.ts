/** What an image's events mean for the rows that are read: images, tags, and Docker's messages. The log alone gives the same rows again. */
import type { ImageContent, ImageEvent } from '../../machines/image-events.ts'
import { nanoseconds } from '../clock.ts'
import type { ImageRow, ImageRows, MessageRow, MessageRows, RecordedEvent } from '../store/port.ts'
import type { ConfigValue } from './image-config.ts'

export interface ImageProjections {
  readonly images: ImageRows
  readonly messages: MessageRows
}

const PREFIX = 'image/'

/** Of the image with that id. */
export const imageStream = (id: string): string => `${PREFIX}${id.replace(/^sha256:/, '')}`

/** Only within the `project` of an append or a rebuild. */
export function projectImage(recorded: RecordedEvent<ImageEvent>, projections: ImageProjections): void {
  const id = `sha256:${recorded.stream.slice(PREFIX.length)}`
  applyToRows(recorded.event, id, projections.images)
  const action = actions[recorded.event.type]
  if (action === undefined) return
  projections.messages.put(messageOf(recorded, action, { id, labels: labelsOf(projections.images.byId(id)) }))
}

function applyToRows(event: ImageEvent, id: string, images: ImageRows): void {
  switch (event.type) {
    case 'ImageImported':
    case 'ImageCommitted':
      putImage(event, images)
      break
    case 'ImageLoaded':
      putImage(event, images)
      for (const tag of event.tags) images.setTag(tag, id)
      break
    case 'ImageTagged':
      images.setTag(event.tag, id)
      break
    case 'ImageUntagged':
      if (images.imageOfTag(event.tag) === id) images.deleteTag(event.tag)
      break
    case 'ImageDeleted':
      images.delete(id)
      break
  }
}

function putImage({ id, size, createdAt, diffIds, layers, config }: ImageContent, images: ImageRows): void {
  images.put({ id, size, createdAt, diffIds, layers, config })
}

const actions = {
  ImageImported: 'import',
  /** The container's message says it. */
  ImageCommitted: undefined,
  ImageLoaded: 'load',
  ImageTagged: 'tag',
  ImageUntagged: 'untag',
  ImageDeleted: 'delete',
} as const satisfies Readonly<Record<ImageEvent['type'], string | undefined>>

/** Docker names the tag only where one is given; else the image's id stands for its name. */
function messageOf(
  { position, meta, event }: RecordedEvent<ImageEvent>,
  action: string,
  { id, labels }: { readonly id: string; readonly labels: Readonly<Record<string, string>> },
): MessageRow {
  const name = event.type === 'ImageTagged' ? event.tag : id
  const timeNano = nanoseconds(meta.time)
  return {
    position,
    ordinal: 0,
    timeNano,
    type: 'image',
    action,
    actorId: id,
    attributes: { ...labels, name },
  }
}

/** A deleted image has none any more. */
function labelsOf(row: ImageRow | undefined): Readonly<Record<string, string>> {
  return (row?.config as ConfigValue | undefined)?.config?.Labels ?? {}
}
