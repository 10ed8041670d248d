/** What every request passes before its route: headers that say who answers, clean paths, served versions, no browsers. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TallyError } from '../errors.ts'
import type { DaemonInfo } from './daemon-info.ts'
import { pageNotFound } from './errors.ts'
import { requestedVersion, versionComplaint } from './version.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route is made for browsers: their requests are let through. */
    readonly browser?: boolean
  }
}

export function guardRequests(app: FastifyInstance, daemon: DaemonInfo): void {
  const identity = {
    'api-version': daemon.apiVersion,
    'docker-experimental': 'false',
    ostype: 'linux',
    server: `Tallyman/${daemon.version} (linux)`,
  }
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(identity)
    refuseBrowsers(request)
    return redirectToCleanPath(request, reply) ?? refuseVersion(request, reply, daemon)
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(pageNotFound))
}

/** A page in a browser may send requests here (DNS rebinding, a proxied socket) but can't leave these headers out. */
function refuseBrowsers({ headers, routeOptions }: FastifyRequest): void {
  if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return
  if (routeOptions.config?.browser) return
  throw new TallyError('forbidden', 'requests from web pages are not allowed')
}

/** Docker's router answers `//` and dot segments with the cleaned path. */
function redirectToCleanPath({ originalUrl }: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
  const [path = '', ...query] = originalUrl.split('?')
  if (!/\/(\.{0,2}\/|\.{1,2}$)/.test(path)) return undefined
  return reply.redirect([cleaned(path), ...query].join('?'), 301)
}

function cleaned(path: string): string {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return `/${segments.join('/')}${path.endsWith('/') && segments.length > 0 ? '/' : ''}`
}

function refuseVersion(
  { originalUrl }: FastifyRequest,
  reply: FastifyReply,
  daemon: DaemonInfo,
): FastifyReply | undefined {
  const version = requestedVersion(originalUrl)
  const complaint = version === undefined ? undefined : versionComplaint(version, daemon)
  if (complaint === undefined) return undefined
  if (complaint.kind === 'too-new') return reply.code(400).send({ message: complaint.message })
  return reply.code(400).type('text/plain; charset=utf-8').send(`${complaint.message}\n`)
}
