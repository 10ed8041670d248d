/** `docker exec`: more processes in a container that runs. */
import type { Readable, Writable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import type { ExecConfig } from '../../../machines/exec-events.ts'
import type { Engine, StartExecOptions } from '../../engine/port.ts'
import { TallyError } from '../../errors.ts'
import { parseDetachKeys, untilDetached } from '../detach-keys.ts'
import type { FrameStream } from '../frames.ts'
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
    if (body.Detach === true) {
      await engine.execs.start(id, {}, originOf(request), new AbortController().signal)
      return reply.code(200).send()
    }
    const connection = hijack(request, reply)
    converse({ engine, request, connection, id, body }).catch((err: unknown) =>
      request.log.error({ err, exec: id }, 'exec failed'),
    )
    return reply
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
    ...(body.DetachKeys && { DetachKeys: checkedKeys(body.DetachKeys) }),
  }
}

/** @throws TallyError internal, as in Docker */
function checkedKeys(keys: string): string {
  try {
    parseDetachKeys(keys)
    return keys
  } catch (cause) {
    throw new TallyError('internal', `Invalid escape keys (${keys}) provided`, { cause })
  }
}

interface Conversation {
  readonly engine: Engine
  readonly request: FastifyRequest
  readonly connection: Hijacked
  readonly id: string
  readonly body: StartBody
}

/** The answer is the stream; that the exec can't be started is said in it, as in Docker. */
async function converse(conversation: Conversation): Promise<void> {
  const { connection, engine, request, id } = conversation
  const stdout = connection.output(framedAs('stdout', conversation))
  const options = startOptions(conversation, stdout)
  connection.open()
  try {
    const { ended } = await engine.execs.start(id, options, originOf(request), connection.signal)
    await ended
  } catch (error) {
    if (error instanceof TallyError) stdout.write(`${error.message}\r\n`)
    else request.log.warn({ err: error, exec: id }, 'exec not followed')
  }
  await connection.close()
}

function startOptions(conversation: Conversation, stdout: Writable): StartExecOptions {
  const { engine, connection, id, body } = conversation
  const { config } = engine.execs.get(id)
  const [height = 0, width = 0] = body.ConsoleSize ?? []
  const hasStderr = config.AttachStderr && !config.Tty && body.Tty !== true
  return {
    streams: {
      ...(config.AttachStdin && { stdin: stdinOf(conversation, config) }),
      ...(config.AttachStdout && { stdout }),
      ...(hasStderr && { stderr: connection.output('stderr') }),
    },
    ...(config.Tty && (height > 0 || width > 0) && { consoleSize: [height, width] as const }),
  }
}

/** Who says that there is a terminal gets the bytes as they are. */
const framedAs = (stream: FrameStream, { body }: Conversation): FrameStream | null =>
  body.Tty === true ? null : stream

/** Who types at a terminal may leave by the detach keys. */
function stdinOf({ connection, engine, request, id }: Conversation, config: ExecConfig): Readable {
  const stdin = connection.stdin()
  if (!config.Tty) return stdin
  const noteIt = (): void => {
    engine.execs
      .detached(id, originOf(request))
      .catch((err: unknown) => request.log.warn({ err, exec: id }, 'detach not recorded'))
  }
  return untilDetached(stdin, parseDetachKeys(config.DetachKeys), noteIt)
}
