/** Serves a supervisor on a unix socket, in containerd's public v1 shape and our own finer one. */
import { chmodSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import type { Logger } from 'pino'
import { type Clock, systemClock } from '../../clock.ts'
import { TallyError } from '../../errors.ts'
import type { LocalSupervisor } from '../local-port.ts'
import { containersService } from './containers-service.ts'
import { eventsService } from './events-service.ts'
import { healthService } from './health-service.ts'
import { introspectionService } from './introspection-service.ts'
import { leasesService } from './leases-service.ts'
import { namespacesService } from './namespaces-service.ts'
import { proto } from './proto.ts'
import { supervisorService } from './supervisor-service.ts'
import { tasksService } from './tasks-service.ts'
import { versionService } from './version-service.ts'

export interface ServeOptions {
  /** Absolute path of the unix socket; one that nobody serves any more is replaced. */
  readonly socket: string
  readonly logger: Logger
  readonly clock?: Clock
}

/** Answers once clients can connect. @throws TallyError conflict if another supervisor serves the socket. */
export async function serveSupervisor(
  supervisor: LocalSupervisor,
  options: ServeOptions,
): Promise<AsyncDisposable> {
  const { socket, logger, clock = systemClock } = options
  await claimSocket(socket)
  const server = new Server({ 'grpc.max_receive_message_length': messageLimit })
  addServices(server, supervisor, clock)
  await bind(server, socket)
  chmodSync(socket, 0o660)
  logger.info({ socket }, 'supervisor serves')
  return {
    async [Symbol.asyncDispose]() {
      server.forceShutdown()
      rmSync(socket, { force: true })
    },
  }
}

/** containerd's. A request holds no more than paths; what is larger is a mistake. */
const messageLimit = 16 * 1024 * 1024

function addServices(server: Server, supervisor: LocalSupervisor, clock: Clock): void {
  const { containerd, grpc, tallyman } = proto
  const { services } = containerd
  server.addService(services.tasks.v1.Tasks.service, tasksService(supervisor, clock))
  server.addService(services.containers.v1.Containers.service, containersService(supervisor))
  server.addService(services.events.v1.Events.service, eventsService(supervisor))
  server.addService(services.version.v1.Version.service, versionService(supervisor))
  server.addService(services.namespaces.v1.Namespaces.service, namespacesService())
  server.addService(services.leases.v1.Leases.service, leasesService(clock))
  server.addService(services.introspection.v1.Introspection.service, introspectionService())
  server.addService(grpc.health.v1.Health.service, healthService())
  server.addService(tallyman.supervisor.v1.Supervisor.service, supervisorService(supervisor))
}

function bind(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    )
  })
}

/**
 * Before a supervisor is opened: two on one directory would take each other's news. One that was killed leaves its socket behind, which goes,
 * since binding needs the name. @throws TallyError conflict if another supervisor serves the socket.
 */
export async function claimSocket(socket: string): Promise<void> {
  if (await isServed(socket)) throw new TallyError('conflict', `another supervisor serves ${socket}`)
  rmSync(socket, { force: true })
}

function isServed(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket)
    const answer = (served: boolean) => {
      probe.destroy()
      resolve(served)
    }
    probe.once('connect', () => answer(true))
    probe.once('error', () => answer(false))
  })
}
