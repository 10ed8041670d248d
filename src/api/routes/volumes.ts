/** Volumes: what there is, making one, removing one and all that nobody uses. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Engine } from '../../engine/port.ts'
import { badRequest } from '../../errors.ts'
import { volumeDataPath } from '../../paths.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { directorySize } from '../disk-usage.ts'
import { parseFilters } from '../filters.ts'
import { requireJson } from '../json-body.ts'
import { flag, Parameter } from '../query.ts'
import { originOf } from '../request-origin.ts'
import { VolumeBody } from '../schemas/volume-create.ts'
import { volumeView } from '../views/volume.ts'
import { isPruned, isWantedVolume, pruneFilters, volumeFilters } from '../volume-filter.ts'

interface VolumeRouteOptions {
  readonly engine: Engine
  readonly daemon: DaemonInfo
}

const named = { params: Type.Object({ name: Type.String() }) }
const filtered = { querystring: Type.Object({ filters: Parameter }) }

export const volumeRoutes: FastifyPluginAsyncTypebox<VolumeRouteOptions> = async (
  app,
  { engine, daemon },
) => {
  const { volumes } = engine
  const { roots } = daemon

  app.get('/volumes', { schema: { operationId: 'VolumeList', ...filtered } }, async ({ query }) => {
    const isWanted = isWantedVolume(parseFilters(query.filters, volumeFilters))
    const wanted = volumes.list().filter(isWanted)
    return { Volumes: wanted.map((volume) => volumeView(roots, volume)), Warnings: null }
  })

  app.get('/volumes/:name', { schema: { operationId: 'VolumeInspect', ...named } }, async ({ params }) =>
    volumeView(roots, volumes.get(params.name)),
  )

  const create = { schema: { operationId: 'VolumeCreate', body: VolumeBody }, preValidation: requireJson }
  app.post('/volumes/create', create, async (request, reply) => {
    if (request.body === null) throw badRequest('got EOF while reading request body')
    const { Name, Driver, DriverOpts, Labels } = request.body
    const wanted = {
      ...{ name: Name ?? '', driver: Driver ?? '' },
      ...{ labels: Labels ?? null, options: DriverOpts ?? null },
    }
    return reply.code(201).send(volumeView(roots, await volumes.create(wanted, originOf(request))))
  })

  const removal = { operationId: 'VolumeDelete', ...named, querystring: Type.Object({ force: Parameter }) }
  app.delete('/volumes/:name', { schema: removal }, async (request, reply) => {
    const { params, query } = request
    await volumes.remove(params.name, { force: flag(query.force) }, originOf(request))
    return reply.code(204).send()
  })

  app.post('/volumes/prune', { schema: { operationId: 'VolumePrune', ...filtered } }, async (request) => {
    const isWanted = isPruned(parseFilters(request.query.filters, pruneFilters))
    const sizeOf = ({ name }: { readonly name: string }) => directorySize(volumeDataPath(roots, name))
    const { removed, reclaimed } = await volumes.prune({ isWanted, sizeOf }, originOf(request))
    return { VolumesDeleted: removed, SpaceReclaimed: reclaimed }
  })
}
