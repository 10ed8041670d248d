/** Things that are asked for by name and of which there are none: plugins. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { TallyError } from '../../errors.ts'

export const absentRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/plugins', { schema: { operationId: 'PluginList' } }, async () => [])

  // The docker CLI looks for plugins of its own by this and takes 404 for an answer.
  const plugin = { operationId: 'PluginInspect', params: Type.Object({ '*': Type.String() }) }
  app.get('/plugins/*', { schema: plugin }, async ({ params }) => {
    const name = params['*'].replace(/\/json$/, '')
    throw new TallyError('not-found', `plugin "${name}" not found`)
  })
}
