/** What Docker has and this engine does not have yet, in one table: 501 with a sentence, after a 404 for what does not exist anyway. */
import type { FastifyInstance, FastifyPluginAsync, HTTPMethods } from 'fastify'
import type { Engine } from '../../engine/port.ts'
import { notSupported, TallyError } from '../../errors.ts'

interface Route {
  readonly method: HTTPMethods
  readonly url: string
  readonly operationId: string
}

const route = (method: HTTPMethods, url: string, operationId: string): Route => ({
  method,
  url,
  operationId,
})

/** Routes by what they need: `exec is not supported yet`. */
const unsupported: Readonly<Record<string, readonly Route[]>> = {
  'attaching by websocket': [route('GET', '/containers/:id/attach/ws', 'ContainerAttachWebsocket')],
  'building images': [
    route('POST', '/build', 'ImageBuild'),
    route('POST', '/build/cancel', 'BuildCancel'),
    route('POST', '/session', 'Session'),
    route('POST', '/grpc', 'Grpc'),
  ],
  'logging in to registries': [route('POST', '/auth', 'SystemAuth')],
  'asking registries': [route('GET', '/distribution/*', 'DistributionInspect')],
  'networks other than none and host': [
    route('POST', '/networks/create', 'NetworkCreate'),
    route('POST', '/networks/:id/connect', 'NetworkConnect'),
    route('POST', '/networks/:id/disconnect', 'NetworkDisconnect'),
  ],
  plugins: [
    route('GET', '/plugins/privileges', 'GetPluginPrivileges'),
    route('POST', '/plugins/pull', 'PluginPull'),
    route('POST', '/plugins/create', 'PluginCreate'),
  ],
  'swarm mode': [route('POST', '/swarm/init', 'SwarmInit'), route('POST', '/swarm/join', 'SwarmJoin')],
}

/** Docker's own answer of a daemon that is in no swarm; docker-py's tests leave one in every teardown and accept only 503 and 406. */
const noManager =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.'

const swarmOnly: readonly (Route & { readonly message: string })[] = [
  { ...route('POST', '/swarm/leave', 'SwarmLeave'), message: 'This node is not part of a swarm' },
  { ...route('GET', '/swarm', 'SwarmInspect'), message: noManager },
  { ...route('GET', '/swarm/unlockkey', 'SwarmUnlockkey'), message: noManager },
  { ...route('POST', '/swarm/update', 'SwarmUpdate'), message: noManager },
  ...['Node', 'Service', 'Task', 'Secret', 'Config'].flatMap((kind) => {
    const url = `/${kind.toLowerCase()}s`
    return [
      { ...route('GET', url, `${kind}List`), message: noManager },
      { ...route('GET', `${url}/:id`, `${kind}Inspect`), message: noManager },
      { ...route('POST', `${url}/create`, `${kind}Create`), message: noManager },
    ]
  }),
]

export const unsupportedRoutes: FastifyPluginAsync<{ readonly engine: Engine }> = async (app, { engine }) => {
  for (const [feature, routes] of Object.entries(unsupported)) {
    for (const route of routes)
      refuse(app, route, () => notSupported(`not supported yet: ${feature}`), engine)
  }
  for (const { message, ...route } of swarmOnly)
    refuse(app, route, () => new TallyError('unavailable', message))
}

/** @param engine given: a container in the path has to exist */
function refuse(app: FastifyInstance, route: Route, error: () => TallyError, engine?: Engine): void {
  const { operationId, method, url } = route
  app.route<{ Params: { id?: string } }>({
    method,
    url,
    schema: { operationId },
    async handler({ params }) {
      if (url.startsWith('/containers/:id')) engine?.get(params.id ?? '')
      throw error()
    },
  })
}
