/** Things that are asked for by name and of which there are none: plugins and exec instances. */
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

  const schema = { operationId: 'ExecInspect', params: Type.Object({ id: Type.String() }) }
  app.get('/exec/:id/json', { schema }, async ({ params }) => {
    throw noSuchExec(params.id)
  })
  for (const [action, operationId] of [
    ['start', 'ExecStart'],
    ['resize', 'ExecResize'],
  ] as const) {
    app.post(`/exec/:id/${action}`, { schema: { ...schema, operationId } }, async ({ params }) => {
      throw noSuchExec(params.id)
    })
  }
}

const noSuchExec = (id: string): TallyError => new TallyError('not-found', `No such exec instance: ${id}`)
