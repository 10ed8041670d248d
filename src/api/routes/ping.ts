/** `/_ping`: clients ask here first; the headers of every answer tell them the API version. */
import type { FastifyPluginAsync } from 'fastify'

const uncached = { 'cache-control': 'no-cache, no-store, must-revalidate', pragma: 'no-cache' }

export const pingRoutes: FastifyPluginAsync = async (app) => {
  app.get('/_ping', { schema: { operationId: 'SystemPing' } }, async (_request, reply) =>
    reply.headers(uncached).type('text/plain; charset=utf-8').send('OK'),
  )
  app.head('/_ping', { schema: { operationId: 'SystemPingHead' } }, async (_request, reply) =>
    reply.headers(uncached).type('text/plain; charset=utf-8').header('content-length', 0).send(),
  )
}
