/** Status and headers of answers: what a client decides by before it reads anything. */
import { request } from 'node:http'
import type { Target } from '../session.ts'

interface Ask {
  readonly method: string
  readonly path: string
  readonly body?: string
}

const asked: readonly Ask[] = [
  { method: 'HEAD', path: '/_ping' },
  { method: 'GET', path: '/_ping' },
  { method: 'GET', path: '/info' },
  { method: 'GET', path: '/v1.41/containers/json' },
  { method: 'GET', path: '/v1.41/containers/gone/json' },
  { method: 'GET', path: '/v1.41/containers/exited/logs?stdout=1' },
  { method: 'HEAD', path: '/v1.41/containers/exited/archive?path=/etc' },
  { method: 'GET', path: '/v1.41/containers/exited/archive?path=/etc/hosts' },
  { method: 'GET', path: '/v1.41/containers/exited/export' },
  { method: 'GET', path: '/v1.41/events?since=1&until=2' },
  { method: 'POST', path: '/v1.41/containers/running/start' },
  { method: 'POST', path: '/v1.41/containers/exited/wait' },
  { method: 'POST', path: '/v1.41/containers/create', body: 'no json' },
  {
    method: 'POST',
    path: '/v1.41/containers/create',
    body: '{"Image":"gone","HostConfig":{"NetworkMode":"none"}}',
  },
  { method: 'GET', path: '/v1.41/nonsense' },
  { method: 'GET', path: '/v9.99/info' },
  { method: 'GET', path: '/v1.41/containers/json?filters=nonsense' },
]

/** By what was asked. Those that every answer of HTTP has, whoever sends it, are left out. */
export async function headsOf({ socket }: Target): Promise<Readonly<Record<string, object>>> {
  const heads: Record<string, object> = {}
  for (const ask of asked) heads[nameOf(ask)] = await headOf(socket, ask)
  return heads
}

/** Without dots and stars, which mean something in the path of a rule. */
const nameOf = ({ method, path, body = '' }: Ask): string =>
  `${method} ${path} ${body}`.replaceAll('.', '_').trim()

const everywhere: readonly string[] = [
  'date',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
]

function headOf(socket: string, { method, path, body }: Ask): Promise<object> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  return new Promise((done, fail) => {
    const sent = request({ socketPath: socket, method, path, headers }, (response) => {
      const shown = Object.entries(response.headers).filter(([name]) => !everywhere.includes(name))
      response.resume().once('end', () => done({ status: response.statusCode, ...Object.fromEntries(shown) }))
    })
    sent.once('error', fail).end(body)
  })
}
