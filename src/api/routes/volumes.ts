/** Volumes: there are none yet, and that is what clients are told. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { TallyError } from '../../errors.ts'
import { parseFilters } from '../filters.ts'
import { Parameter } from '../query.ts'

const volumeFilters = ['dangling', 'driver', 'label', 'name']

export const volumeRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const list = { operationId: 'VolumeList', querystring: Type.Object({ filters: Parameter }) }
  app.get('/volumes', { schema: list }, async ({ query }) => {
    parseFilters(query.filters, volumeFilters)
    return { Volumes: [], Warnings: null }
  })

  const one = { params: Type.Object({ name: Type.String() }) }
  app.get('/volumes/:name', { schema: { operationId: 'VolumeInspect', ...one } }, async ({ params }) => {
    throw noSuchVolume(params.name)
  })

  const removal = { operationId: 'VolumeDelete', ...one, querystring: Type.Object({ force: Parameter }) }
  app.delete('/volumes/:name', { schema: removal }, async ({ params }) => {
    throw noSuchVolume(params.name)
  })
}

const noSuchVolume = (name: string): TallyError => new TallyError('not-found', `get ${name}: no such volume`)
