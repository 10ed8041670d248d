/** `POST /containers/{id}/wait`: the head is sent at once, because `docker run` starts the container only when it has it. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Engine, WaitCondition, WaitResult } from '../../engine/port.ts'
import { badRequest } from '../../errors.ts'
import { Parameter, text } from '../query.ts'
import { ContainerParams } from '../schemas/container-params.ts'
import { openStream } from '../stream-reply.ts'

const conditions: readonly string[] = ['not-running', 'next-exit', 'removed'] satisfies WaitCondition[]

const isCondition = (word: string): word is WaitCondition => conditions.includes(word)

export const waitRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (app, { engine }) => {
  const schema = {
    operationId: 'ContainerWait',
    params: ContainerParams,
    querystring: Type.Object({ condition: Parameter }),
  }
  app.post('/containers/:id/wait', { schema }, async (request, reply) => {
    const condition = parseCondition(text(request.query.condition))
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const { result } = await engine.wait(request.params.id, condition, gone.signal)
    const { raw } = openStream(reply, 'application/json')
    result.then(
      (ended) => raw.end(`${JSON.stringify(answer(ended))}\n`),
      (cause: unknown) => {
        if (!gone.signal.aborted) request.log.error({ err: cause }, 'wait failed')
        raw.destroy()
      },
    )
    return reply
  })
}

function parseCondition(word = 'not-running'): WaitCondition {
  if (isCondition(word)) return word
  throw badRequest(`invalid condition: "${word}"`)
}

const answer = ({ exitCode }: WaitResult) => ({ StatusCode: exitCode, Error: null })
