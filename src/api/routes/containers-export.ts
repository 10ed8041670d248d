/** `docker diff` and `docker export`: what a container has changed, and all of its files. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Engine } from '../../engine/port.ts'
import { pour } from '../pour.ts'
import { originOf } from '../request-origin.ts'
import { ContainerParams as params } from '../schemas/container-params.ts'
import { openStream } from '../stream-reply.ts'

export const exportRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (
  app,
  { engine },
) => {
  const changes = { operationId: 'ContainerChanges', params }
  app.get('/containers/:id/changes', { schema: changes }, async (request, reply) => {
    const found = await engine.changes(request.params.id)
    return reply.type('application/json').send(JSON.stringify(found.length === 0 ? null : found))
  })

  const whole = { operationId: 'ContainerExport', params }
  app.get('/containers/:id/export', { schema: whole }, async (request, reply) => {
    await using archive = await engine.export(request.params.id, originOf(request))
    await pour(archive.chunks, openStream(reply, 'application/octet-stream'), request.log)
    return reply
  })
}
