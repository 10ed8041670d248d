/** Networks, as far as there are any: `none` and `host` can be listed and inspected. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { ContainerView, Engine } from '../../engine/port.ts'
import { TallyError } from '../../errors.ts'
import type { DaemonInfo } from '../daemon-info.ts'
import { type Filters, matchesExactly, matchesPattern, parseFilters } from '../filters.ts'
import { Parameter } from '../query.ts'
import { type NetworkName, networkId, networkModeOf, networkNames, networkView } from '../views/networks.ts'

const networkFilters = ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']

export interface NetworkRouteOptions {
  readonly engine: Engine
  readonly daemon: DaemonInfo
}

export const networkRoutes: FastifyPluginAsyncTypebox<NetworkRouteOptions> = async (
  app,
  { engine, daemon },
) => {
  const list = { operationId: 'NetworkList', querystring: Type.Object({ filters: Parameter }) }
  app.get('/networks', { schema: list }, async ({ query }) => {
    const filters = parseFilters(query.filters, networkFilters)
    return networkNames
      .map((name) => networkView(daemon, name, []))
      .filter((network) => isWanted(filters, network))
  })

  const params = Type.Object({ id: Type.String() })
  app.get('/networks/:id', { schema: { operationId: 'NetworkInspect', params } }, async (request) => {
    const name = findNetwork(daemon, request.params.id)
    return networkView(daemon, name, running(engine, name))
  })

  app.delete('/networks/:id', { schema: { operationId: 'NetworkDelete', params } }, async (request) => {
    const name = findNetwork(daemon, request.params.id)
    throw new TallyError('forbidden', `${name} is a pre-defined network and cannot be removed`)
  })
}

/** By name, id or a unique beginning of an id. @throws TallyError not-found */
function findNetwork(daemon: DaemonInfo, ref: string): NetworkName {
  const byName = networkNames.find((name) => name === ref)
  const [byId, second] = networkNames.filter((name) => networkId(daemon, name).startsWith(ref))
  if (byName !== undefined) return byName
  if (byId === undefined || second !== undefined || ref === '')
    throw new TallyError('not-found', `network ${ref} not found`)
  return byId
}

const running = (engine: Engine, name: NetworkName): readonly ContainerView[] =>
  engine.list().filter((view) => view.state.running && networkModeOf(view) === name)

/** Both are built in and in use by nature: `type=custom` and `dangling=true` fit neither. They have no labels. */
function isWanted(filters: Filters, network: Record<string, unknown>): boolean {
  return (
    matchesPattern(filters, 'name', String(network.Name)) &&
    matchesPattern(filters, 'id', String(network.Id)) &&
    matchesExactly(filters, 'driver', String(network.Driver)) &&
    matchesExactly(filters, 'scope', 'local') &&
    matchesExactly(filters, 'type', 'builtin') &&
    !filters.has('label') &&
    !(filters.get('dangling') ?? []).some((value) => value === 'true' || value === '1')
  )
}
