/** `GET /events`: Docker's event messages, past ones from the durable log and then those that come. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type, { type Static } from 'typebox'
import type { Engine } from '../../engine/port.ts'
import { badRequest } from '../../errors.ts'
import type { MessageRow } from '../../store/port.ts'
import { type Filters, parseFilters } from '../filters.ts'
import { isWanted, messageFilters } from '../message-filter.ts'
import { pour } from '../pour.ts'
import { Parameter, text } from '../query.ts'
import { openStream } from '../stream-reply.ts'
import { time } from '../time-parameter.ts'
import { messageLine } from '../views/message.ts'

const EventsQuery = Type.Object({ since: Parameter, until: Parameter, filters: Parameter })

type EventsQuery = Static<typeof EventsQuery>

export const eventRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (
  app,
  { engine },
) => {
  const schema = { operationId: 'SystemEvents', querystring: EventsQuery }
  app.get('/events', { schema }, async (request, reply) => {
    const range = rangeOf(request.query)
    const filters = parseFilters(request.query.filters, messageFilters)
    const stream = openStream(reply, 'application/json')
    await pour(lines(engine.messages(range, stream.signal), filters), stream, request.log)
    return reply
  })
}

/** With `until` alone the range begins with the first event there is. @throws TallyError bad-request */
function rangeOf(query: EventsQuery): { readonly since?: bigint; readonly until?: bigint } {
  const since = time('since', query.since)
  const until = time('until', query.until)
  if (until === undefined) return since === undefined ? {} : { since }
  if (since !== undefined && since > until) throw badRequest(contradiction(query))
  return { since: since ?? 0n, until }
}

const contradiction = ({ since, until }: EventsQuery): string =>
  `\`since\` time (${text(since)}) cannot be after \`until\` time (${text(until)})`

async function* lines(messages: AsyncIterable<MessageRow>, filters: Filters): AsyncGenerator<string> {
  for await (const message of messages) if (isWanted(message, filters)) yield messageLine(message)
}
