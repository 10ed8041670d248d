/** `GET /containers/{id}/top`: the container's processes. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Engine } from '../../engine/port.ts'
import { Parameter, text } from '../query.ts'
import { originOf } from '../request-origin.ts'
import { ContainerParams as params } from '../schemas/container-params.ts'

export const topRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (app, { engine }) => {
  const schema = { operationId: 'ContainerTop', params, querystring: Type.Object({ ps_args: Parameter }) }
  app.get('/containers/:id/top', { schema }, async (request) => {
    const psArgs = text(request.query.ps_args) ?? '-ef'
    const { titles, processes } = await engine.top(request.params.id, psArgs, originOf(request))
    return { Processes: processes.length === 0 ? null : processes, Titles: titles }
  })
}
