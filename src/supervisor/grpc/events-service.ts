/** containerd.services.events.v1.Events */
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { Envelope } from '../../../build/proto/containerd/services/events/v1/Envelope.ts'
import type { SubscribeRequest__Output } from '../../../build/proto/containerd/services/events/v1/SubscribeRequest.ts'
import type { LocalSupervisor } from '../local-port.ts'
import type { TaskEvent } from '../task-event.ts'
import { type Fields, type Filter, parseFilters } from './filter.ts'
import { streaming } from './handler.ts'
import { envelopes } from './topics.ts'

export const eventsService = (supervisor: LocalSupervisor): UntypedServiceImplementation => ({
  Subscribe: streaming(({ filters }: SubscribeRequest__Output, { signal }) => {
    const passes = parseFilters(filters)
    return matching(supervisor.taskEvents(signal), passes)
  }),
})

async function* matching(events: AsyncIterable<TaskEvent>, passes: Filter): AsyncGenerator<Envelope> {
  for await (const event of events)
    for (const envelope of envelopes(event)) if (passes(fieldsOf(envelope, event))) yield envelope
}

/** The field paths that containerd's filters know of an envelope. */
function fieldsOf({ topic, namespace }: Envelope, event: TaskEvent): Fields {
  const fields: Readonly<Record<string, string | undefined>> = {
    topic,
    namespace,
    'event.container_id': event.id,
    'event.id': event.id,
  }
  return (path) => fields[path]
}
