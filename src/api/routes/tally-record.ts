/** Our own routes for the record as a whole: is it what was written, and a backup of it. */
import type { FastifyPluginAsync, FastifyReply } from 'fastify'
import type { Upkeep } from '../../engine/upkeep.ts'
import { TallyError } from '../../errors.ts'

export const recordRoutes: FastifyPluginAsync<{ readonly upkeep: Upkeep }> = async (app, { upkeep }) => {
  /** Answers when all is checked: `{ events, streams, damages: [{ kind, message, … }] }`. Damage is an answer, not an error. */
  app.get('/tally/verify', { schema: { operationId: 'TallyVerify' } }, async (_request, reply) =>
    upkeep.verify(untilGone(reply)),
  )

  /** The bytes of a database file; `content-length` tells a whole one from one that was cut off. */
  app.get('/tally/backup', { schema: { operationId: 'TallyBackup' } }, async (_request, reply) => {
    const { events, size, content } = await upkeep.backup(untilGone(reply))
    reply.raw.once('close', () => content.destroy())
    return reply
      .type('application/vnd.sqlite3')
      .headers({ 'content-length': size, 'x-tally-events': events })
      .send(content)
  })
}

/** Aborts when the client goes away. */
function untilGone({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => controller.abort(new TallyError('unavailable', 'the client is gone')))
  return controller.signal
}
