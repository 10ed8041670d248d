/** What the engine knows of containers, read from the projections and the log. */
import type { ContainerEvent } from '../../machines/container-events.ts'
import type { SavedLife } from '../../machines/container-life.ts'
import { badRequest, noSuchContainer } from '../errors.ts'
import type {
  ContainerRow,
  ContainerRows,
  EventStore,
  MessageRow,
  MessageRows,
  RecordedEvent,
} from '../store/port.ts'
import type { ContainerView } from './port.ts'
import { streamOf } from './registry.ts'
import { toView } from './view.ts'

/** The row of a container by full id, name, or unique beginning of an id, in this order. @throws TallyError as Docker does. */
export function findContainer(containers: ContainerRows, ref: string): ContainerRow {
  const exact = containers.byId(ref)
  if (exact !== undefined && !exact.removed) return exact
  const named = containers.byName(ref.replace(/^\//, ''))
  if (named !== undefined) return named
  const [first, second] = /^[0-9a-f]+$/.test(ref) ? containers.byIdPrefix(ref, 2) : []
  if (first === undefined) throw noSuchContainer(ref)
  if (second !== undefined) throw badRequest(`Multiple IDs found with provided prefix: ${ref}`)
  return first
}

export const viewOf = (row: ContainerRow): ContainerView => toView({ ...row, state: row.state as SavedLife })

/** The events of a container that lives, or of a removed one by its full id. @throws TallyError not-found. */
export function historyOf(
  containers: ContainerRows,
  events: EventStore,
  ref: string,
): readonly RecordedEvent<ContainerEvent>[] {
  const id = containers.byId(ref)?.id ?? findContainer(containers, ref).id
  return events.read<ContainerEvent>(streamOf(id))
}

/** Messages in the range, then those that come, until `until` has passed or `signal` aborts. */
export async function* followMessages(
  ports: { readonly events: EventStore; readonly messages: MessageRows; readonly now: () => bigint },
  range: { readonly since?: bigint; readonly until?: bigint },
  signal: AbortSignal,
): AsyncGenerator<MessageRow> {
  const { messages, events, now } = ports
  let after = range.since === undefined ? events.head() : 0
  const { since, until } = range
  while (!signal.aborted) {
    const head = events.head()
    for (const row of messages.range({
      after,
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
    })) {
      if (signal.aborted) return
      yield row
      after = row.position
    }
    after = Math.max(after, head)
    if (until !== undefined && now() >= until) return
    if (events.head() === head)
      await nextAppend(events, signal, until === undefined ? undefined : until - now())
  }
}

function nextAppend(events: EventStore, signal: AbortSignal, nanoseconds: bigint | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      unsubscribe()
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const unsubscribe = events.onAppend(wake)
    const timer =
      nanoseconds === undefined ? undefined : setTimeout(wake, Number(nanoseconds / 1_000_000n) + 1)
    signal.addEventListener('abort', wake, { once: true })
  })
}
