/** `POST /containers/{id}/update`: limits and restart policy of a container that is there. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Engine } from '../../engine/port.ts'
import type { Update } from '../../engine/update.ts'
import { originOf } from '../request-origin.ts'
import { ContainerParams as params } from '../schemas/container-params.ts'
import { UpdateBody } from '../schemas/container-update.ts'

export const updateRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (
  app,
  { engine },
) => {
  const schema = { operationId: 'ContainerUpdate', params, body: UpdateBody }
  app.post('/containers/:id/update', { schema }, async (request) => {
    const warnings = await engine.update(request.params.id, updateOf(request.body), originOf(request))
    return { Warnings: warnings.length === 0 ? null : warnings }
  })
}

/** Null is the same as absent: clients write it for whatever they don't set. */
function updateOf({ RestartPolicy, ...limits }: UpdateBody): Update {
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== null))
  const Name = RestartPolicy?.Name ?? ''
  if (Name === '') return given
  return { ...given, RestartPolicy: { Name, MaximumRetryCount: RestartPolicy?.MaximumRetryCount ?? 0 } }
}
