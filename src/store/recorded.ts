/** Between a row of the table and a recorded event: JSON on one side, the current shape on the other. */
import type { Clock } from '../clock.ts'
import type { StoredEvent } from './chain.ts'
import type { Append, EventData, EventMeta, RecordedEvent } from './port.ts'
import { type Payload, type Upcasts, upcast } from './upcast.ts'

export interface EventRow extends StoredEvent {
  readonly position: number
  readonly hash: string
}

/** The caller says what E is: the shapes of a stream's events are known above the store only. */
export function recordedEvent<E extends EventData>(row: EventRow, upcasts: Upcasts): RecordedEvent<E> {
  const { position, stream, version, type, schema, data, meta, hash } = row
  const payload = upcast(upcasts, type, schema, JSON.parse(data) as Payload)
  const event = { type, ...payload } as unknown as E
  return { position, stream, version, schema, event, meta: JSON.parse(meta) as EventMeta, hash }
}

type Caused = Pick<Append<EventData>, 'origin' | 'causationId'>

/** The envelope of all events of one append, as text. */
export function metaText(append: Caused, clock: Clock, bootId: string): string {
  const { origin, causationId } = append
  const time = clock.now()
  const monotonic = String(clock.monotonic())
  const { requestId: correlationId, request, uid, pid } = origin ?? {}
  return JSON.stringify({ time, monotonic, bootId, correlationId, causationId, request, uid, pid })
}

/** The event without its type, which has a column of its own. */
export function dataText(event: EventData): string {
  return JSON.stringify({ ...event, type: undefined })
}
