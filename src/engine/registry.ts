/** The containers that are not removed, each with its life; the only place where container events are written. */
import type { ContainerEvent } from '../../machines/container-events.ts'
import {
  type Effect,
  fold,
  isKnown,
  type Life,
  machineVersion,
  newLife,
  restore,
  type SavedLife,
  save,
  type Timer,
} from '../../machines/container-life.ts'
import { type Clock, nanoseconds, rfc3339 } from '../clock.ts'
import type { Faults } from '../faults.ts'
import type { Origin } from '../origin.ts'
import type { Random } from '../random.ts'
import type { ContainerRow, ContainerRows, EventStore, MessageRows, RecordedEvent } from '../store/port.ts'
import { NewerEventError } from '../store/upcast.ts'
import type { Timers } from '../timers.ts'
import { Lifecycle, type LifecyclePorts, type RecordContext } from './lifecycle.ts'
import { messagesOf } from './messages.ts'

export interface RegistryPorts {
  readonly events: EventStore
  readonly containers: ContainerRows
  readonly messages: MessageRows
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly faults: Faults
  readonly perform: (effect: Effect, life: Life, signal: AbortSignal) => Promise<readonly ContainerEvent[]>
  readonly report: (message: string, fields: object) => void
}

/** How long SIGKILL may take before a container is reported as one that can't be killed, ns. */
export const killGrace = 10_000_000_000n
const snapshotEvery = 64
const longestTimeout = 2 ** 31 - 1

const prefix = 'container/'

export const newRunId = (random: Random): string => random.hex(8)

export const streamOf = (id: string): string => `${prefix}${id}`

export class Registry {
  readonly #ports: RegistryPorts
  readonly #lives = new Map<string, Lifecycle>()

  constructor(ports: RegistryPorts) {
    this.#ports = ports
  }

  get(id: string): Lifecycle | undefined {
    return this.#lives.get(id)
  }

  ids(): readonly string[] {
    return [...this.#lives.keys()]
  }

  /** Begins a new life with its first event. @throws NameTakenError. */
  create(event: Extract<ContainerEvent, { type: 'ContainerCreated' }>, origin: Origin): Lifecycle {
    const lifecycle = new Lifecycle(this.#lifecyclePorts(event.id), newLife(), 0)
    try {
      lifecycle.observe(event, origin)
      return lifecycle
    } finally {
      // Whatever went wrong after the event was appended: the log has the container.
      if (lifecycle.version > 0) this.#lives.set(event.id, lifecycle)
    }
  }

  /** Folds a stream from the log. Nothing begins before `resume` of the answer is called. @throws NewerEventError. */
  load(id: string): Lifecycle {
    const { events } = this.#ports
    const stream = streamOf(id)
    const snapshot = events.loadSnapshot(stream, machineVersion)
    const recorded = events.read<ContainerEvent>(stream, { after: snapshot?.version ?? 0 })
    for (const { event } of recorded) requireKnown(event)
    const start = snapshot === undefined ? newLife() : restore(snapshot.state as SavedLife)
    const life = fold(
      recorded.map(({ event }) => event),
      start,
    )
    const version = recorded.at(-1)?.version ?? snapshot?.version ?? 0
    const lifecycle = new Lifecycle(this.#lifecyclePorts(id), life, version)
    this.#lives.set(id, lifecycle)
    return lifecycle
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#lives.values()].map((lifecycle) => lifecycle.stop()))
  }

  #lifecyclePorts(id: string): LifecyclePorts {
    const { clock, timers, random, faults, perform, report } = this.#ports
    return {
      record: (event, context) => this.#record(id, event, context),
      perform,
      reach: (point) => faults.reachNow(point),
      sleep: timers.after,
      sleepUntil: (time, wake) => sleepUntil({ clock, timers }, time, wake),
      timerEvent: (timer) => timerEvent({ clock, random }, timer),
      report: (message, fields) => report(message, { container: id, ...fields }),
    }
  }

  #record(id: string, event: ContainerEvent, { life, version, origin, causationId }: RecordContext): number {
    const { events } = this.#ports
    const [recorded] = events.append<ContainerEvent>({
      stream: streamOf(id),
      expectedVersion: version - 1,
      events: [event],
      ...(origin === undefined ? {} : { origin }),
      ...(causationId === undefined ? {} : { causationId }),
      project: (all) => {
        for (const one of all) projectContainer(one, life, this.#ports)
      },
    })
    if (version % snapshotEvery === 0) this.#saveSnapshot(id, version, life)
    if (life.matches('removed')) this.#lives.delete(id)
    return recorded?.position ?? 0
  }

  /** The event is in the log already, and a snapshot saves time only: that it can't be written must not look as if the event were not. */
  #saveSnapshot(id: string, version: number, life: Life): void {
    try {
      this.#ports.events.saveSnapshot(streamOf(id), version, machineVersion, save(life))
    } catch (err) {
      this.#ports.report('snapshot not saved', { container: id, err })
    }
  }
}

/** The machine would pass over an event that it does not know, and make of the log what it does not say. @throws NewerEventError. */
export function requireKnown({ type }: ContainerEvent): void {
  if (!isKnown(type)) throw new NewerEventError(`the log has the event ${type}`)
}

interface ContainerProjections {
  readonly containers: ContainerRows
  readonly messages: MessageRows
}

/** What the event means for the rows that are read; `life` is the state after it. Only within the `project` of an append or a rebuild. */
export function projectContainer(
  recorded: RecordedEvent<ContainerEvent>,
  life: Life,
  { containers, messages }: ContainerProjections,
): void {
  const { position, stream, version, event, meta } = recorded
  const id = stream.slice(prefix.length)
  containers.put(containerRow(id, version, life))
  const timeNano = nanoseconds(meta.time)
  for (const [ordinal, message] of messagesOf(event, life.context).entries())
    messages.put({ position, ordinal, timeNano, type: 'container', actorId: id, ...message })
}

/** The projection of a container in state `life`. Pure: rebuilding from the log gives the same row. */
export function containerRow(id: string, version: number, life: Life): ContainerRow {
  const { name, spec } = life.context
  return {
    id,
    name,
    version,
    removed: life.matches('removed'),
    createdAt: spec?.createdAt ?? '',
    state: save(life),
  }
}

function timerEvent(
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  { type }: Timer,
): ContainerEvent {
  if (type === 'KillDeadlinePassed') return { type }
  if (type === 'RestartDue') return { type, runId: newRunId(random) }
  return { type, killDeadline: rfc3339(nanoseconds(clock.now()) + killGrace) }
}

/** Also sleeps through times that are further away than one timer of Node reaches. */
function sleepUntil(
  ports: { readonly clock: Clock; readonly timers: Timers },
  time: string,
  wake: () => void,
): () => void {
  const { clock, timers } = ports
  const left = Number((nanoseconds(time) - nanoseconds(clock.now())) / 1_000_000n) + 1
  if (left <= longestTimeout) return timers.after(Math.max(left, 0), wake)
  let cancel = timers.after(longestTimeout, () => {
    cancel = sleepUntil(ports, time, wake)
  })
  return () => cancel()
}
