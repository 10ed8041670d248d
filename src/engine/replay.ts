/** Replays the log from its beginning: every row that is read comes out as the live engine wrote it. The oracle of `tally verify`. */
import { isDeepStrictEqual } from 'node:util'
import type { ContainerEvent } from '../../machines/container-events.ts'
import { evolve, type Life, machineVersion, newLife, save } from '../../machines/container-life.ts'
import type { DaemonEvent } from '../../machines/daemon-events.ts'
import type { ExecEvent } from '../../machines/exec-events.ts'
import type { ImageEvent } from '../../machines/image-events.ts'
import { projectImage } from '../images/projection.ts'
import type {
  ContainerRows,
  EventStore,
  ImageRows,
  MessageRows,
  RecordedEvent,
  VolumeRows,
} from '../store/port.ts'
import { isOfVolumes, projectVolume } from '../volumes/projection.ts'
import { daemonStream, projectDaemon } from './daemon-record.ts'
import { replayExecs } from './exec-messages.ts'
import { projectContainer, requireKnown } from './registry.ts'

/** Of the rows that a replay gives. The last three digits are to be raised when the same events would give other rows of the same machine. */
export const projectionVersion = machineVersion * 1000 + 1

export interface ReplayOptions {
  readonly containers: ContainerRows
  readonly messages: MessageRows
  readonly images: ImageRows
  readonly volumes: VolumeRows
  /** Called with the state of a container's stream after each event. */
  readonly onLife?: (recorded: RecordedEvent, life: Life) => void
}

/** @returns takes the events in the order of their positions. */
export function replay(options: ReplayOptions): (recorded: RecordedEvent) => void {
  const lives = new Map<string, Life>()
  const exec = replayExecs(options.messages)

  function container(recorded: RecordedEvent<ContainerEvent>): void {
    const { stream, event } = recorded
    requireKnown(event)
    const life = evolve(lives.get(stream) ?? newLife(), event)
    if (life.matches('removed')) lives.delete(stream)
    else lives.set(stream, life)
    projectContainer(recorded, life, options)
    options.onLife?.(recorded, life)
  }

  return (recorded) => {
    if (recorded.stream.startsWith('container/')) container(recorded as RecordedEvent<ContainerEvent>)
    if (recorded.stream === daemonStream)
      projectDaemon(recorded as RecordedEvent<DaemonEvent>, options.messages)
    if (recorded.stream.startsWith('exec/')) exec(recorded as RecordedEvent<ExecEvent>)
    if (recorded.stream.startsWith('image/')) projectImage(recorded as RecordedEvent<ImageEvent>, options)
    if (isOfVolumes(recorded)) projectVolume(recorded, options)
  }
}

type Snapshots = ReadonlyMap<string, NonNullable<ReturnType<EventStore['loadSnapshot']>>>

/** Whether the snapshot of the stream, if it is of this very event, is the state that the log leads to. */
export function snapshotFits(snapshots: Snapshots, { stream, version }: RecordedEvent, life: Life): boolean {
  const snapshot = snapshots.get(stream)
  if (snapshot?.version !== version) return true
  return isDeepStrictEqual(snapshot.state, JSON.parse(JSON.stringify(save(life))))
}
