/** Our own routes, for what Docker has no word for. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { ContainerEvent } from '../../../machines/container-events.ts'
import type { Engine } from '../../engine/port.ts'
import type { RecordedEvent } from '../../store/port.ts'
import { ContainerParams } from '../schemas/container-params.ts'

export const tallyRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (
  app,
  { engine },
) => {
  const schema = { operationId: 'TallyContainerEvents', params: ContainerParams }
  /** The container's whole life from the log, one JSON object a line, the oldest event first. */
  app.get('/tally/containers/:id/events', { schema }, async (request, reply) => {
    const lines = engine.history(request.params.id).map((event) => `${JSON.stringify(recorded(event))}\n`)
    return reply.type('application/x-ndjson').send(lines.join(''))
  })
}

function recorded({ position, version, event, meta, hash }: RecordedEvent<ContainerEvent>): object {
  const { type, ...data } = event
  const { time, ...rest } = meta
  return { position, version, type, time, data, meta: rest, hash }
}
