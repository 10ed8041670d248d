/** What the events of volumes mean for the rows that are read: volumes and Docker's messages. The log alone gives the same rows again. */
import type { VolumeEvent, VolumesEvent } from '../../machines/volume-events.ts'
import { nanoseconds } from '../clock.ts'
import type { MessageRow, MessageRows, RecordedEvent, VolumeRow, VolumeRows } from '../store/port.ts'

export interface VolumeProjections {
  readonly volumes: VolumeRows
  readonly messages: MessageRows
}

type AnyVolumeEvent = RecordedEvent<VolumeEvent | VolumesEvent>

const prefix = 'volume/'

/** Of all volumes together. */
export const volumesStream = 'volumes'

export const volumeStream = (name: string): string => `${prefix}${name}`

export const isOfVolumes = (recorded: RecordedEvent): recorded is AnyVolumeEvent =>
  recorded.stream === volumesStream || recorded.stream.startsWith(prefix)

/** Only within the `project` of an append or a rebuild. */
export function projectVolume(recorded: AnyVolumeEvent, { volumes, messages }: VolumeProjections): void {
  const { event, stream } = recorded
  const name = stream === volumesStream ? '' : stream.slice(prefix.length)
  if (event.type === 'VolumeCreated') volumes.put(rowOf(event))
  if (event.type === 'VolumeRemoved') volumes.delete(name)
  messages.put(messageOf(recorded, name))
}

const rowOf = ({ type: _, ...content }: Extract<VolumeEvent, { type: 'VolumeCreated' }>): VolumeRow => content

const actions = {
  VolumeCreated: 'create',
  /** Docker tells no difference. */
  VolumeAskedFor: 'create',
  VolumeRemoved: 'destroy',
  VolumesPruned: 'prune',
} as const satisfies Readonly<Record<(VolumeEvent | VolumesEvent)['type'], string>>

function messageOf({ position, meta, event }: AnyVolumeEvent, actorId: string): MessageRow {
  return {
    ...{ position, ordinal: 0, timeNano: nanoseconds(meta.time) },
    ...{ type: 'volume', action: actions[event.type], actorId },
    attributes: event.type === 'VolumesPruned' ? { reclaimed: String(event.reclaimed) } : { driver: 'local' },
  }
}
