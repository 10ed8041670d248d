/** `GET /containers/{id}/stats`: what a container uses, each second, once, or once with the reading before it. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Engine } from '../../engine/port.ts'
import type { Usage } from '../../engine/usage.ts'
import { badRequest } from '../../errors.ts'
import { pour } from '../pour.ts'
import { flag, Parameter } from '../query.ts'
import { ContainerParams as params } from '../schemas/container-params.ts'
import { openStream } from '../stream-reply.ts'
import { type StatsItem, statsView } from '../views/stats.ts'

const StatsQuery = Type.Object({ stream: Parameter, 'one-shot': Parameter })

export const statsRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (
  app,
  { engine },
) => {
  const schema = { operationId: 'ContainerStats', params, querystring: StatsQuery }
  app.get('/containers/:id/stats', { schema }, async (request, reply) => {
    const view = engine.get(request.params.id)
    const endless = request.query.stream === undefined || flag(request.query.stream)
    const oneShot = flag(request.query['one-shot'])
    if (endless && oneShot) throw badRequest('cannot have stream=true and one-shot=true')
    if (!endless && !view.state.running) return statsView({ view, usage: undefined })
    if (oneShot) return statsView({ view, usage: await engine.usage(view.id) })
    const stream = openStream(reply, endless ? undefined : 'application/json')
    const lines = items(engine, view.id, stream.signal)
    await pour(endless ? lines : second(lines), stream, request.log)
    return reply
  })
}

const line = (item: StatsItem): string => `${JSON.stringify(statsView(item))}\n`

/** Each with the one before it, under the name that the container has by then, until it is removed. */
async function* items(engine: Engine, id: string, signal: AbortSignal): AsyncGenerator<string> {
  let before: Usage | undefined
  for await (const usage of engine.followUsage(id, signal)) {
    yield line({ view: engine.get(id), usage, before })
    before = usage
  }
}

/** The first has none before it, so that nothing can be said of the time between. */
async function* second(all: AsyncIterable<string>): AsyncGenerator<string> {
  let count = 0
  for await (const item of all) {
    count += 1
    if (count < 2) continue
    yield item
    return
  }
}
