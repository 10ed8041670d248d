/** `docker exec`: more processes in a container that runs. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import type { ExecConfig } from '../../../machines/exec-events.ts'
import type { Engine, StartExecOptions } from '../../engine/port.ts'
import { type Hijacked, hijack } from '../hijack.ts'
import { requireJson, takeJson } from '../json-body.ts'
import { originOf } from '../request-origin.ts'
import { ContainerParams as params } from '../schemas/container-params.ts'
import { ExecBody, ExecStartBody } from '../schemas/exec.ts'
import { SizeQuery, sizeOf } from '../terminal-size.ts'
import { execView } from '../views/exec.ts'

type StartBody = Static<typeof ExecStartBody>

export const execRoutes: FastifyPluginAsyncTypebox<{ readonly engine: Engine }> = async (app, { engine }) => {
  const create = { operationId: 'ContainerExec', params, body: ExecBody }
  app.post('/containers/:id/exec', { schema: create, preValidation: requireJson }, async (request, reply) => {
    const config = execConfig(request.body)
    const Id = await engine.execs.create(request.params.id, config, originOf(request))
    return reply.code(201).send({ Id })
  })

  const start = { operationId: 'ExecStart', params, body: Type.Union([ExecStartBody, Type.Null()]) }
  app.post('/exec/:id/start', { schema: start, preValidation: takeJson }, async (request, reply) => {
    const { id } = request.params
    const body = request.body ?? {}
    engine.execs.require(id)
    if (body.Detach !== true) return converse({ engine, request, reply, id, body })
    await engine.execs.start(id, {}, originOf(request), new AbortController().signal)
    return reply.code(200).send()
  })

  const resize = { operationId: 'ExecResize', params, querystring: SizeQuery }
  app.post('/exec/:id/resize', { schema: resize }, async (request, reply) => {
    await engine.execs.resize(request.params.id, sizeOf(request.query))
    return reply.code(200).send()
  })

  const inspect = { operationId: 'ExecInspect', params: Type.Object({ id: Type.String() }) }
  app.get('/exec/:id/json', { schema: inspect }, async (request) =>
    execView(engine.execs.get(request.params.id)),
  )
}

function execConfig(body: Static<typeof ExecBody>): ExecConfig {
  return {
    ...{ Cmd: body.Cmd ?? [], Env: body.Env ?? [] },
    ...{ User: body.User ?? '', WorkingDir: body.WorkingDir ?? '' },
    ...{ Privileged: body.Privileged === true, Tty: body.Tty === true },
    AttachStdin: body.AttachStdin === true,
    AttachStdout: body.AttachStdout === true,
    AttachStderr: body.AttachStderr === true,
  }
}

interface Conversation {
  readonly engine: Engine
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly id: string
  readonly body: StartBody
}

/** The answer is the stream; that the exec can't be started is said in it, as in Docker. */
function converse(conversation: Conversation): FastifyReply {
  const { request, reply, id } = conversation
  const connection = hijack(request, reply)
  const output = connection.output(conversation.body.Tty === true ? null : 'stdout')
  const options = startOptions(conversation, connection, output)
  connection.open()
  run(conversation, connection, options)
    .catch((error: unknown) => {
      request.log.warn({ err: error, exec: id }, 'exec failed')
      output.write(`${error instanceof Error ? error.message : String(error)}\r\n`)
    })
    .finally(() => connection.close())
    .catch((err: unknown) => request.log.error({ err, exec: id }, 'exec connection not closed'))
  return reply
}

async function run(
  { engine, request, id }: Conversation,
  { signal }: Hijacked,
  options: StartExecOptions,
): Promise<void> {
  const { ended } = await engine.execs.start(id, options, originOf(request), signal)
  await ended
}

function startOptions(
  { engine, id, body }: Conversation,
  connection: Hijacked,
  stdout: ReturnType<Hijacked['output']>,
): StartExecOptions {
  const { config } = engine.execs.get(id)
  const [height = 0, width = 0] = body.ConsoleSize ?? []
  return {
    streams: {
      ...(config.AttachStdin && { stdin: connection.stdin() }),
      ...(config.AttachStdout && { stdout }),
      ...(config.AttachStderr && !config.Tty && { stderr: connection.output('stderr') }),
    },
    ...(config.Tty && (height > 0 || width > 0) && { consoleSize: [height, width] as const }),
  }
}
