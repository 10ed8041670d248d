/** Puts the HTTP API together: Docker's Engine API with and without a version before the path. */
import { randomUUID } from 'node:crypto'
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify'
import { type Clock, systemClock } from '../clock.ts'
import type { Engine } from '../engine/port.ts'
import type { Upkeep } from '../engine/upkeep.ts'
import type { DaemonInfo } from './daemon-info.ts'
import { answerError } from './errors.ts'
import { guardRequests } from './guards.ts'
import { createHttpServer, type HttpServer } from './http-server.ts'
import { acceptBodies } from './json-body.ts'
import { sendBareJsonType } from './json-type.ts'
import { absentRoutes } from './routes/absent.ts'
import { commitRoutes } from './routes/commit.ts'
import { containerRoutes } from './routes/containers.ts'
import { archiveRoutes } from './routes/containers-archive.ts'
import { attachRoutes } from './routes/containers-attach.ts'
import { createRoutes } from './routes/containers-create.ts'
import { exportRoutes } from './routes/containers-export.ts'
import { lifecycleRoutes } from './routes/containers-lifecycle.ts'
import { resizeRoutes } from './routes/containers-resize.ts'
import { statsRoutes } from './routes/containers-stats.ts'
import { topRoutes } from './routes/containers-top.ts'
import { updateRoutes } from './routes/containers-update.ts'
import { waitRoutes } from './routes/containers-wait.ts'
import { eventRoutes } from './routes/events.ts'
import { execRoutes } from './routes/exec.ts'
import { imageRoutes } from './routes/images.ts'
import { imageUploadRoutes } from './routes/images-upload.ts'
import { logRoutes } from './routes/logs.ts'
import { networkRoutes } from './routes/networks.ts'
import { pingRoutes } from './routes/ping.ts'
import { pruneRoutes } from './routes/prune.ts'
import { systemRoutes } from './routes/system.ts'
import { tallyRoutes } from './routes/tally.ts'
import { recordRoutes } from './routes/tally-record.ts'
import { unsupportedRoutes } from './routes/unsupported.ts'
import { volumeRoutes } from './routes/volumes.ts'
import { schemaValidator } from './validator.ts'
import { withoutVersion } from './version.ts'

export interface ServerDependencies {
  readonly engine: Engine
  readonly daemon: DaemonInfo
  readonly logger: FastifyBaseLogger
  readonly clock?: Clock
  /** Absent: the record is neither verified nor backed up. */
  readonly upkeep?: Upkeep
}

/** Ready to `listen({ path })` or to be asked with `inject`. Closing it ends every connection, also the hijacked ones. */
export function createServer({ clock = systemClock, ...dependencies }: ServerDependencies): FastifyInstance {
  const app = emptyServer(dependencies.logger)
  app.setErrorHandler(answerError)
  app.addHook('onSend', sendBareJsonType)
  app.setValidatorCompiler(schemaValidator)
  acceptBodies(app)
  guardRequests(app, dependencies.daemon)
  registerRoutes(app, { ...dependencies, clock })
  return app
}

function emptyServer(loggerInstance: FastifyBaseLogger): FastifyInstance {
  let http: HttpServer | undefined
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    frameworkErrors: answerError,
    rewriteUrl: ({ url = '/' }) => withoutVersion(url),
    routerOptions: { maxParamLength: 4096 },
    serverFactory(handler) {
      http = createHttpServer(handler)
      return http.server
    },
  })
  app.addHook('preClose', async () => http?.closeTaken())
  return app
}

type RouteOptions = ServerDependencies & Required<Pick<ServerDependencies, 'clock'>>

function registerRoutes(app: FastifyInstance, options: RouteOptions): void {
  app.register(pingRoutes)
  app.register(createRoutes, options)
  app.register(containerRoutes, options)
  app.register(lifecycleRoutes, options)
  app.register(updateRoutes, options)
  app.register(waitRoutes, options)
  app.register(statsRoutes, options)
  app.register(topRoutes, options)
  app.register(attachRoutes, options)
  app.register(archiveRoutes, options)
  app.register(exportRoutes, options)
  app.register(commitRoutes, options)
  app.register(execRoutes, options)
  app.register(resizeRoutes, options)
  app.register(logRoutes, options)
  app.register(imageRoutes, options)
  app.register(imageUploadRoutes, options)
  app.register(networkRoutes, options)
  app.register(volumeRoutes, options)
  app.register(eventRoutes, options)
  app.register(systemRoutes, options)
  app.register(pruneRoutes, options)
  app.register(tallyRoutes, options)
  if (options.upkeep !== undefined) app.register(recordRoutes, { upkeep: options.upkeep })
  app.register(absentRoutes)
  app.register(unsupportedRoutes, options)
}
