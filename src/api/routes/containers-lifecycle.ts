/** The commands to one container: start, stop, restart, kill, rename, remove. */

import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type, { type Static } from 'typebox'
import type { Engine, StopOptions } from '../../engine/port.ts'
import { badRequest } from '../../errors.ts'
import { flag, integer, Parameter, text } from '../query.ts'
import { originOf } from '../request-origin.ts'
import { ContainerParams as params } from '../schemas/container-params.ts'

const StopQuery = Type.Object({ t: Parameter, signal: Parameter })

export const lifecycleRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (
  app,
  { engine },
) => {
  const start = { operationId: 'ContainerStart', params }
  app.post('/containers/:id/start', { schema: start }, async (request, reply) => {
    refuseHostConfig(request.body)
    await engine.start(request.params.id, originOf(request))
    return reply.code(204).send()
  })

  const stop = { operationId: 'ContainerStop', params, querystring: StopQuery }
  app.post('/containers/:id/stop', { schema: stop }, async (request, reply) => {
    await engine.stop(request.params.id, stopOptions(request.query), originOf(request))
    return reply.code(204).send()
  })

  const restart = { operationId: 'ContainerRestart', params, querystring: StopQuery }
  app.post('/containers/:id/restart', { schema: restart }, async (request, reply) => {
    await engine.restart(request.params.id, stopOptions(request.query), originOf(request))
    return reply.code(204).send()
  })

  const kill = { operationId: 'ContainerKill', params, querystring: Type.Object({ signal: Parameter }) }
  app.post('/containers/:id/kill', { schema: kill }, async (request, reply) => {
    await engine.kill(request.params.id, text(request.query.signal) ?? '', originOf(request))
    return reply.code(204).send()
  })

  const pause = { operationId: 'ContainerPause', params }
  app.post('/containers/:id/pause', { schema: pause }, async (request, reply) => {
    await engine.pause(request.params.id, originOf(request))
    return reply.code(204).send()
  })

  const unpause = { operationId: 'ContainerUnpause', params }
  app.post('/containers/:id/unpause', { schema: unpause }, async (request, reply) => {
    await engine.unpause(request.params.id, originOf(request))
    return reply.code(204).send()
  })

  const rename = { operationId: 'ContainerRename', params, querystring: Type.Object({ name: Parameter }) }
  app.post('/containers/:id/rename', { schema: rename }, async (request, reply) => {
    await engine.rename(request.params.id, text(request.query.name) ?? '', originOf(request))
    return reply.code(204).send()
  })

  const querystring = Type.Object({ force: Parameter, v: Parameter, link: Parameter })
  const remove = { operationId: 'ContainerDelete', params, querystring }
  app.delete('/containers/:id', { schema: remove }, async (request, reply) => {
    const { force, v, link } = request.query
    if (flag(link)) throw badRequest('Conflict, cannot remove the default link name of the container')
    const options = { force: flag(force), volumes: flag(v) }
    await engine.remove(request.params.id, options, originOf(request))
    return reply.code(204).send()
  })
}

function stopOptions(query: Static<typeof StopQuery>): StopOptions {
  const timeoutSeconds = integer('t', query.t)
  const signal = text(query.signal)
  return { ...(timeoutSeconds !== undefined && { timeoutSeconds }), ...(signal !== undefined && { signal }) }
}

/** Once the host config came with the start; a client that still sends one must not think that it is obeyed. */
function refuseHostConfig(body: unknown): void {
  if (typeof body !== 'object' || body === null || body instanceof Readable) return
  if (Object.keys(body).length === 0) return
  throw badRequest(
    'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
  )
}
