/** The daemon's own stream: what is recorded there and what it means for the rows that are read. */
import type { DaemonEvent } from '../../machines/daemon-events.ts'
import { nanoseconds } from '../clock.ts'
import type { Origin } from '../origin.ts'
import type { EventStore, MessageRows, RecordedEvent } from '../store/port.ts'

export const daemonStream = 'daemon'

export interface DaemonRecordPorts {
  readonly events: EventStore
  readonly messages: MessageRows
}

/** Answers when the fact is durable. */
export async function recordOfDaemon(
  { events, messages }: DaemonRecordPorts,
  event: DaemonEvent,
  origin: Origin,
): Promise<void> {
  const [known] = events.streams(daemonStream)
  events.append<DaemonEvent>({
    stream: daemonStream,
    expectedVersion: known?.version ?? 0,
    events: [event],
    origin,
    project: (recorded) => {
      for (const each of recorded) projectDaemon(each, messages)
    },
  })
  await events.durable()
}

/** Only within the `project` of an append or a rebuild. */
export function projectDaemon(
  { position, meta, event }: RecordedEvent<DaemonEvent>,
  messages: MessageRows,
): void {
  const { kind, reclaimed } = event
  messages.put({
    ...{ position, ordinal: 0, timeNano: nanoseconds(meta.time) },
    ...{ type: kind, action: 'prune', actorId: '', attributes: { reclaimed: String(reclaimed) } },
  })
}
