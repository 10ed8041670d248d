/** `POST /containers/{id}/resize`: the client's terminal has this size now. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Engine } from '../../engine/port.ts'
import { originOf } from '../request-origin.ts'
import { ContainerParams as params } from '../schemas/container-params.ts'
import { SizeQuery, sizeOf } from '../terminal-size.ts'

export const resizeRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (
  app,
  { engine },
) => {
  const schema = { operationId: 'ContainerResize', params, querystring: SizeQuery }
  app.post('/containers/:id/resize', { schema }, async (request, reply) => {
    await engine.resize(request.params.id, sizeOf(request.query), originOf(request))
    return reply.code(200).send()
  })
}
