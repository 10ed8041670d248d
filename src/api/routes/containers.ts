/** What there is to read about containers: the list and all about one. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { ContainerSpec } from '../../../machines/spec.ts'
import type { Clock } from '../../clock.ts'
import type { ContainerView, Engine } from '../../engine/port.ts'
import { containerFilters, selectContainers } from '../container-filter.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { layerSize } from '../disk-usage.ts'
import { parseFilters } from '../filters.ts'
import { flag, integer, Parameter } from '../query.ts'
import { ContainerParams } from '../schemas/container-params.ts'
import { inspectView } from '../views/container-inspect.ts'
import { summaryView } from '../views/container-summary.ts'

export interface ContainerRouteOptions {
  readonly engine: Engine
  readonly daemon: DaemonInfo
  readonly clock: Clock
}

const ListQuery = Type.Object({ all: Parameter, limit: Parameter, size: Parameter, filters: Parameter })

export const containerRoutes: FastifyPluginAsyncTypebox<ContainerRouteOptions> = async (app, options) => {
  const { engine, daemon } = options
  const list = { operationId: 'ContainerList', querystring: ListQuery }
  app.get('/containers/json', { schema: list }, async ({ query }) => {
    const views = selectContainers({
      engine,
      daemon,
      filters: parseFilters(query.filters, containerFilters),
      all: flag(query.all),
      limit: integer('limit', query.limit) ?? 0,
    })
    return Promise.all(views.map((view) => summarize(options, view, flag(query.size))))
  })

  const inspect = {
    operationId: 'ContainerInspect',
    params: ContainerParams,
    querystring: Type.Object({ size: Parameter }),
  }
  app.get('/containers/:id/json', { schema: inspect }, async ({ params, query }) => {
    const view = engine.get(params.id)
    const sizes = flag(query.size) ? await sizesOf(options, view) : undefined
    return inspectView(daemon, view, specOf(view), sizes, engine.execs.of(view.id))
  })
}

/** Also an item of `GET /system/df`. */
export async function summarize(options: ContainerRouteOptions, view: ContainerView, size: boolean) {
  const { daemon, clock, engine } = options
  const spec = specOf(view)
  const image = imageName(engine, spec)
  const summary = summaryView({ daemon, view, spec, image, now: clock.now() })
  if (!size) return summary
  const { SizeRw, SizeRootFs } = await sizesOf(options, view)
  // A list leaves out what is zero.
  return { ...summary, ...(SizeRw > 0 && { SizeRw }), ...(SizeRootFs > 0 && { SizeRootFs }) }
}

/** The name may have moved to another image meanwhile. */
function imageName({ images }: Engine, { config, image }: ContainerSpec): string {
  return images.find(config.Image)?.id === image.id ? config.Image : image.id
}

async function sizesOf({ daemon, engine }: ContainerRouteOptions, view: ContainerView) {
  const SizeRw = await layerSize(daemon.roots, view.id)
  const imageSize = engine.images.find(specOf(view).image.id)?.size ?? 0
  return { SizeRw, SizeRootFs: SizeRw + imageSize }
}

function specOf({ id, context }: ContainerView): ContainerSpec {
  if (context.spec === null) throw new Error(`container ${id} has no spec`)
  return context.spec
}
