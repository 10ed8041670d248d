/** `POST /containers/create`. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Engine } from '../../engine/port.ts'
import { toCreateRequest } from '../create-request.ts'
import { requireJson } from '../json-body.ts'
import { Parameter, text } from '../query.ts'
import { originOf } from '../request-origin.ts'
import { CreateBody } from '../schemas/container-create.ts'

export const createRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (
  app,
  { engine },
) => {
  const schema = {
    operationId: 'ContainerCreate',
    querystring: Type.Object({ name: Parameter }),
    body: CreateBody,
  }
  app.post('/containers/create', { schema, preValidation: requireJson }, async (request, reply) => {
    const create = toCreateRequest(text(request.query.name), request.body)
    const { id, warnings } = await engine.create(create, originOf(request))
    return reply.code(201).send({ Id: id, Warnings: warnings })
  })
}
