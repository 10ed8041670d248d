/** `POST /containers/{id}/attach`: turns the connection into the container's stdin, stdout and stderr. */
import type { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { type Clock, nanoseconds } from '../../clock.ts'
import type { AttachStreams, ContainerView, Engine } from '../../engine/port.ts'
import { conflict, type TallyError } from '../../errors.ts'
import { logPath } from '../../paths.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { parseDetachKeys, untilDetached } from '../detach-keys.ts'
import { type Hijacked, hijack } from '../hijack.ts'
import { replayLog } from '../log-replay.ts'
import { flag, Parameter, text } from '../query.ts'
import { originOf } from '../request-origin.ts'
import { ContainerParams } from '../schemas/container-params.ts'

const AttachQuery = Type.Object({
  logs: Parameter,
  stream: Parameter,
  stdin: Parameter,
  stdout: Parameter,
  stderr: Parameter,
  detachKeys: Parameter,
})

type AttachQuery = Static<typeof AttachQuery>

export interface AttachOptions {
  readonly engine: Engine
  readonly daemon: DaemonInfo
  readonly clock: Clock
}

export const attachRoutes: FastifyPluginAsyncTypebox<AttachOptions> = async (app, options) => {
  const schema = { operationId: 'ContainerAttach', params: ContainerParams, querystring: AttachQuery }
  app.post('/containers/:id/attach', { schema }, async (request, reply) => {
    const detachKeys = parseDetachKeys(text(request.query.detachKeys))
    const view = options.engine.get(request.params.id)
    if (view.state.paused) throw pausedConflict(request.params.id)
    const connection = hijack(request, reply)
    const converse = await join({ ...options, request, connection, view, query: request.query, detachKeys })
    connection.open()
    converse().catch((err: unknown) => request.log.error({ err, container: view.id }, 'attach failed'))
    return reply
  })
}

interface Attachment extends AttachOptions {
  readonly request: FastifyRequest
  readonly connection: Hijacked
  readonly view: ContainerView
  readonly query: AttachQuery
  readonly detachKeys: Buffer
}

/**
 * Joins the live streams, so that nothing is missed; what it answers with is to be run once the client has its answer. What is in the
 * log up to then comes first, and the live streams are held back meanwhile.
 */
async function join(attachment: Attachment): Promise<() => Promise<void>> {
  const { connection, engine, view, query, request, clock } = attachment
  const replayed = Promise.withResolvers<void>()
  const live = flag(query.stream)
    ? await engine.attach(
        view.id,
        liveStreams(attachment, replayed.promise),
        originOf(request),
        connection.signal,
      )
    : undefined
  const until = nanoseconds(clock.now())
  return async () => {
    await replay(attachment, until).finally(replayed.resolve)
    await live?.ended
    await connection.close()
  }
}

function liveStreams(attachment: Attachment, after: Promise<void>): AttachStreams {
  const { connection, view, query } = attachment
  const { Tty, OpenStdin } = configOf(view)
  return {
    ...(flag(query.stdin) && OpenStdin && { stdin: stdinOf(attachment) }),
    ...(flag(query.stdout) && { stdout: connection.output(Tty ? null : 'stdout', after) }),
    ...(flag(query.stderr) && !Tty && { stderr: connection.output('stderr', after) }),
  }
}

/** Who types at a terminal may leave by the detach keys. */
function stdinOf({ connection, engine, view, request, detachKeys }: Attachment): Readable {
  const stdin = connection.stdin()
  if (!configOf(view).Tty) return stdin
  const noteIt = (): void => {
    engine
      .detached(view.id, originOf(request))
      .catch((err: unknown) => request.log.warn({ err, container: view.id }, 'detach not recorded'))
  }
  return untilDetached(stdin, detachKeys, noteIt)
}

async function replay(attachment: Attachment, until: bigint): Promise<void> {
  const { connection, view, query, daemon, request } = attachment
  if (!flag(query.logs)) return
  const { Tty } = configOf(view)
  await replayLog({
    path: logPath(daemon.roots, view.id),
    until,
    signal: connection.signal,
    ...(flag(query.stdout) && { stdout: connection.output(Tty ? null : 'stdout') }),
    ...(flag(query.stderr) && { stderr: connection.output(Tty ? null : 'stderr') }),
    onBroken: (line) => request.log.warn({ container: view.id, line }, 'broken log record'),
  })
}

const configOf = ({ context }: ContainerView): { Tty: boolean; OpenStdin: boolean } => ({
  Tty: context.spec?.config.Tty === true,
  OpenStdin: context.spec?.config.OpenStdin === true,
})

const pausedConflict = (ref: string): TallyError =>
  conflict(`container ${ref} is paused, unpause the container before attach`)
