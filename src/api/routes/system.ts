/** The daemon about itself: `GET /version`, `/info` and `/system/df`. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Clock } from '../../clock.ts'
import type { Engine } from '../../engine/port.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { type RuntimeVersion, runtimeVersion } from '../runtime-version.ts'
import { diskUsage } from '../views/disk-usage.ts'
import { infoAnswer } from '../views/info.ts'
import { versionAnswer } from '../views/version.ts'
import { summarize } from './containers.ts'

export interface SystemRouteOptions {
  readonly engine: Engine
  readonly daemon: DaemonInfo
  readonly clock: Clock
}

export const systemRoutes: FastifyPluginAsyncTypebox<SystemRouteOptions> = async (app, options) => {
  const { engine, daemon, clock } = options
  const runtime = () => defaultRuntime(daemon)
  app.get('/version', { schema: { operationId: 'SystemVersion' } }, async () =>
    versionAnswer(daemon, await runtime()),
  )
  app.get('/info', { schema: { operationId: 'SystemInfo' } }, async () =>
    infoAnswer({ engine, daemon, runtime: await runtime(), now: clock.now() }),
  )
  app.get('/system/df', { schema: { operationId: 'SystemDataUsage' } }, async () => {
    const containerItems = []
    for (const view of engine.list()) containerItems.push(await summarize(options, view, true))
    return diskUsage({ engine, roots: daemon.roots, containerItems })
  })
}

/** Asked anew each time, because a runtime may be upgraded below a running daemon. */
function defaultRuntime({ runtimes, defaultRuntime: name }: DaemonInfo): Promise<RuntimeVersion> {
  return runtimeVersion(runtimes[name]?.path ?? name)
}
