/** `POST …/prune`: all that nobody uses is removed at once. Of networks and of what builds leave behind there is nothing to remove. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import type { Prunable } from '../../../machines/daemon-events.ts'
import type { Clock } from '../../clock.ts'
import type { Engine } from '../../engine/port.ts'
import { conflict, TallyError } from '../../errors.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { parseFilters } from '../filters.ts'
import { goDuration } from '../go-duration.ts'
import {
  containerPruneFilters,
  imagePruneFilters,
  type PruneOptions,
  pruneContainers,
  pruneImages,
} from '../prune.ts'
import { Parameter } from '../query.ts'
import { originOf } from '../request-origin.ts'
import { untilOf } from '../until.ts'

export interface PruneRouteOptions {
  readonly engine: Engine
  readonly daemon: DaemonInfo
  readonly clock: Clock
}

const querystring = Type.Object({ filters: Parameter })

const orNull = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list)

export const pruneRoutes: FastifyPluginAsyncTypebox<PruneRouteOptions> = async (app, options) => {
  const { engine, clock } = options
  const alone = oneAtATime()
  const note = (kind: Prunable, reclaimed: number, request: FastifyRequest): Promise<void> =>
    engine.notePruned(kind, reclaimed, originOf(request))

  const containers = { operationId: 'ContainerPrune', querystring }
  app.post('/containers/prune', { schema: containers }, (request, reply) =>
    alone('container', async () => {
      const filters = parseFilters(request.query.filters, containerPruneFilters)
      const { deleted, reclaimed } = await pruneContainers({ ...asked(options, request, reply), filters })
      await note('container', reclaimed, request)
      return { ContainersDeleted: orNull(deleted), SpaceReclaimed: reclaimed }
    }),
  )

  const images = { operationId: 'ImagePrune', querystring }
  app.post('/images/prune', { schema: images }, (request, reply) =>
    alone('image', async () => {
      const filters = parseFilters(request.query.filters, imagePruneFilters)
      const { deleted, reclaimed } = await pruneImages({ ...asked(options, request, reply), filters })
      await note('image', reclaimed, request)
      return { ImagesDeleted: orNull(deleted), SpaceReclaimed: reclaimed }
    }),
  )

  // The networks that there are can't be removed.
  const networks = { operationId: 'NetworkPrune', querystring }
  app.post('/networks/prune', { schema: networks }, async (request) => {
    untilOf(parseFilters(request.query.filters, containerPruneFilters), clock.now())
    await note('network', 0, request)
    return { NetworksDeleted: null }
  })

  // Nothing is built here, so that there is no cache.
  const builder = { operationId: 'BuildPrune', querystring: Type.Object({ filters: Parameter }) }
  app.post('/build/prune', { schema: builder }, async (request) => {
    checkBuildFilters(request.query.filters)
    await note('builder', 0, request)
    return { CachesDeleted: null, SpaceReclaimed: 0 }
  })
}

function asked(
  { engine, daemon, clock }: PruneRouteOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Omit<PruneOptions, 'filters'> {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  const report = (err: unknown): void => request.log.warn({ err }, 'not removed')
  const { roots } = daemon
  return { engine, roots, now: clock.now(), origin: originOf(request), report, signal: gone.signal }
}

/** Two at once would count the same room twice. */
function oneAtATime(): <T>(kind: Prunable, work: () => Promise<T>) => Promise<T> {
  const busy = new Set<Prunable>()
  return async (kind, work) => {
    if (busy.has(kind)) throw conflict('a prune operation is already running')
    busy.add(kind)
    try {
      return await work()
    } finally {
      busy.delete(kind)
    }
  }
}

const buildFilters: readonly string[] = [
  ...['description', 'id', 'inuse', 'label', 'label!', 'parent', 'private', 'shared', 'type'],
  ...['until', 'unused-for'],
]

function checkBuildFilters(parameter: Parameter): void {
  const [value] = checkedBuildFilters(parameter).get('until') ?? []
  if (value === undefined || goDuration(value) !== undefined) return
  const reason = `time: invalid duration ${JSON.stringify(value)}`
  throw new TallyError(
    'internal',
    `${buildTrouble}"until" filter expects a duration (e.g., '24h'): ${reason}`,
  )
}

const buildTrouble = 'failed to prune build cache: '

function checkedBuildFilters(parameter: Parameter): ReturnType<typeof parseFilters> {
  try {
    return parseFilters(parameter, buildFilters)
  } catch (error) {
    if (!(error instanceof TallyError)) throw error
    throw new TallyError(error.code, `${buildTrouble}${error.message}`)
  }
}
