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

export interface MessagePorts {
  readonly events: EventStore
  readonly messages: MessageRows
  readonly now: () => bigint
}

export interface MessageRange {
  readonly since?: bigint
  readonly until?: bigint
}

/** Messages in the range, then those that come after this call, until `until` has passed or `signal` aborts. */
export function followMessages(
  ports: MessagePorts,
  range: MessageRange,
  signal: AbortSignal,
): AsyncGenerator<MessageRow> {
  return follow(ports, { ...range, after: range.since === undefined ? ports.events.head() : 0 }, signal)
}

async function* follow(
  { messages, events, now }: MessagePorts,
  range: MessageRange & { readonly after: number },
  signal: AbortSignal,
): AsyncGenerator<MessageRow> {
  const { until } = range
  let { after } = range
  while (!signal.aborted) {
    const left = until === undefined ? undefined : until - now()
    const head = events.head()
    for (const row of messages.range({ ...range, after })) {
      if (signal.aborted) return
      yield row
      after = row.position
    }
    after = Math.max(after, head)
    // What came while a slow client took the rows above is still to be shown, so the time was read before them.
    if (left !== undefined && left <= 0n) return
    if (events.head() === head) await nextAppend(events, signal, left)
  }
}

/** The longest timer of Node. */
const longestTimeout = 2 ** 31 - 1

function nextAppend(events: EventStore, signal: AbortSignal, left: bigint | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      unsubscribe()
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const unsubscribe = events.onAppend(wake)
    const delay = left === undefined ? undefined : Math.min(Number(left / 1_000_000n) + 1, longestTimeout)
    const timer = delay === undefined ? undefined : setTimeout(wake, delay)
    signal.addEventListener('abort', wake, { once: true })
    if (signal.aborted) wake()
  })
}
