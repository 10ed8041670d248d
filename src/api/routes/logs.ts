/** `GET /containers/{id}/logs`: what a container has written, from its json-file log, and on request what it goes on to write. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type, { type Static } from 'typebox'
import { type Clock, nanoseconds, rfc3339 } from '../../clock.ts'
import type { ContainerView, Engine } from '../../engine/port.ts'
import { badRequest, notSupported } from '../../errors.ts'
import { readLog } from '../../logs/json-file.ts'
import type { LogEntry } from '../../logs/record.ts'
import { logPath } from '../../paths.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { frameHeader } from '../frames.ts'
import { pour } from '../pour.ts'
import { flag, Parameter, text } from '../query.ts'
import { ContainerParams } from '../schemas/container-params.ts'
import { openStream } from '../stream-reply.ts'
import { time } from '../time-parameter.ts'

/** setTimeout takes no more, about 24 days: a client that follows for longer is not ended by `until`. */
const longestSleep = 2 ** 31 - 1

const LogsQuery = Type.Object({
  follow: Parameter,
  stdout: Parameter,
  stderr: Parameter,
  since: Parameter,
  until: Parameter,
  timestamps: Parameter,
  tail: Parameter,
})

export interface LogRouteOptions {
  readonly engine: Engine
  readonly daemon: DaemonInfo
  readonly clock: Clock
}

export const logRoutes: FastifyPluginAsyncTypebox<LogRouteOptions> = async (app, options) => {
  const { engine, daemon, clock } = options
  const schema = { operationId: 'ContainerLogs', params: ContainerParams, querystring: LogsQuery }
  app.get('/containers/:id/logs', { schema }, async (request, reply) => {
    const selection = selectionOf(request.query)
    const view = engine.get(request.params.id)
    refuseUnreadable(view)
    const stream = openStream(reply)
    const { signal } = stream
    const container = view.id
    const onBroken = (line: string) => request.log.warn({ container, line }, 'broken line in a container log')
    const ended = () => endOf({ engine, clock, container, until: selection.until, signal })
    const follow = flag(request.query.follow) ? { follow: { ended: ended() } } : {}
    const entries = readLog(logPath(daemon.roots, container), { ...selection, ...follow, onBroken, signal })
    await pour(encoded(entries, formatOf(request.query, view)), stream, request.log)
    return reply
  })
}

/** @throws TallyError bad-request */
function selectionOf(query: Static<typeof LogsQuery>) {
  const stdout = flag(query.stdout)
  const stderr = flag(query.stderr)
  if (!stdout && !stderr) throw badRequest('Bad parameters: you must choose at least one stream')
  const tail = tailOf(text(query.tail))
  const since = time('since', query.since)
  const until = time('until', query.until)
  return {
    stdout,
    stderr,
    ...(tail !== undefined && { tail }),
    ...(since !== undefined && { since }),
    // Docker's clients send 0 for "no end".
    ...(until !== undefined && until !== 0n && { until }),
  }
}

/** A number of records; anything else, also `all` and a negative number, means all, as in Docker. */
const tailOf = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined

function refuseUnreadable({ context }: ContainerView): void {
  if (context.spec?.hostConfig.LogConfig.Type !== 'none') return
  throw notSupported('configured logging driver does not support reading')
}

interface End {
  readonly engine: Engine
  readonly clock: Clock
  readonly container: string
  readonly until: bigint | undefined
  readonly signal: AbortSignal
}

/** Settles when the container does not run any more, or the time is up. */
async function endOf({ engine, clock, container, until, signal }: End): Promise<void> {
  const { result } = await engine.wait(container, 'not-running', signal)
  if (until === undefined) return void (await result)
  const milliseconds = Number((until - nanoseconds(clock.now())) / 1_000_000n) + 1
  if (milliseconds > longestSleep) return void (await result)
  await Promise.race([result, sleep(Math.max(0, milliseconds), undefined, { signal })])
}

interface Format {
  readonly framed: boolean
  readonly timestamps: boolean
}

const formatOf = (query: Static<typeof LogsQuery>, { context }: ContainerView): Format => ({
  framed: context.spec?.config.Tty !== true,
  timestamps: flag(query.timestamps),
})

async function* encoded(batches: AsyncIterable<readonly LogEntry[]>, format: Format): AsyncGenerator<Buffer> {
  for await (const entries of batches) yield Buffer.concat(entries.flatMap((entry) => encode(entry, format)))
}

function encode({ stream, time, log }: LogEntry, { framed, timestamps }: Format): readonly Buffer[] {
  const payload = Buffer.from(timestamps ? `${rfc3339(nanoseconds(time))} ${log}` : log)
  return framed ? [frameHeader(stream, payload.length), payload] : [payload]
}
