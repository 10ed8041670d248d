/** Which containers `GET /containers/json` shows: `all`, `limit` and the filters, in Docker's meaning. */
import type { ContainerView, DockerStatus, Engine } from '../engine/port.ts'
import { badRequest } from '../errors.ts'
import { exposedPorts } from '../images/exposed-ports.ts'
import type { DaemonInfo } from './daemon-info.ts'
import { type Filters, matchesExactly, matchesPairs, matchesPattern } from './filters.ts'
import { mountViews } from './views/mounts.ts'
import { networkId, networkModeOf } from './views/networks.ts'

export const containerFilters: readonly string[] = [
  'ancestor',
  'before',
  'exited',
  'expose',
  'health',
  'id',
  'is-task',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
]

const statuses = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
] satisfies DockerStatus[]

const healths: readonly string[] = ['none', 'starting', 'healthy', 'unhealthy']

type Rule = (view: ContainerView) => boolean

export interface Selection {
  readonly engine: Engine
  readonly daemon: DaemonInfo
  readonly filters: Filters
  /** Also those that don't run; a limit or a wanted status means it too. */
  readonly all: boolean
  /** Only the newest so many; 0 or less: all. */
  readonly limit: number
}

/** The newest first. @throws TallyError bad-request for a value that a filter does not know, not-found for before and since */
export function selectContainers(selection: Selection): readonly ContainerView[] {
  const { engine, filters, limit } = selection
  const rules = [...stateRules(selection), ...nameRules(filters), ...resourceRules(selection)]
  const chosen = between(engine, filters).filter((view) => rules.every((rule) => rule(view)))
  return limit > 0 ? chosen.slice(0, limit) : chosen
}

/** `since` and `before` exclude the container they name. */
function between(engine: Engine, filters: Filters): readonly ContainerView[] {
  const views = engine.list()
  const place = (ref: string) => {
    const { id } = engine.get(ref)
    return views.findIndex((view) => view.id === id)
  }
  const start = Math.max(0, ...(filters.get('before') ?? []).map((ref) => place(ref) + 1))
  const end = Math.min(views.length, ...(filters.get('since') ?? []).map(place))
  return views.slice(start, end)
}

function stateRules({ filters, all, limit }: Selection): readonly Rule[] {
  checkValues(filters, 'status', statuses, (value) => `Invalid filter 'status=${value}'`)
  checkValues(filters, 'health', healths, (value) => `Unrecognised filter value for health: ${value}`)
  const codes = filters.get('exited')?.map(exitCode)
  const isShown = all || limit > 0 || filters.has('status') || codes !== undefined
  return [
    ({ state }) => isShown || state.running,
    ({ status }) => matchesExactly(filters, 'status', status),
    () => matchesExactly(filters, 'health', 'none'),
    ({ status, state }) => codes === undefined || (status === 'exited' && codes.includes(state.exitCode)),
  ]
}

function nameRules(filters: Filters): readonly Rule[] {
  const isTask = taskWanted(filters)
  return [
    ({ id }) => matchesPattern(filters, 'id', id),
    ({ name }) => matchesPattern(filters, 'name', name) || matchesPattern(filters, 'name', `/${name}`),
    ({ context }) => matchesPairs(filters, 'label', context.spec?.config.Labels ?? {}),
    () => isTask !== true,
  ]
}

function resourceRules({ engine, daemon, filters }: Selection): readonly Rule[] {
  const ancestors = filters.get('ancestor')?.map((ref) => engine.images.find(ref)?.id)
  const exposed = filters.get('expose')?.flatMap(exposedPorts)
  return [
    ({ context }) => ancestors?.includes(context.spec?.image.id) ?? true,
    (view) => isOnNetwork(daemon, view, filters.get('network')),
    (view) => hasMount(daemon, view, filters.get('volume')),
    ({ context }) => exposed?.some((port) => port in (context.spec?.config.ExposedPorts ?? {})) ?? true,
    () => !filters.has('publish'),
  ]
}

function isOnNetwork(daemon: DaemonInfo, view: ContainerView, wanted?: readonly string[]): boolean {
  const mode = networkModeOf(view)
  return wanted === undefined || wanted.includes(mode) || wanted.includes(networkId(daemon, mode))
}

/** By a volume's name or the place where it is mounted. */
function hasMount({ roots }: DaemonInfo, { context }: ContainerView, wanted?: readonly string[]): boolean {
  if (wanted === undefined) return true
  if (context.spec === null) return false
  const views = mountViews(roots, context.spec)
  return views.some(({ Name = '', Destination }) => wanted.includes(Name) || wanted.includes(Destination))
}

function checkValues(
  filters: Filters,
  name: string,
  known: readonly string[],
  complaint: (value: string) => string,
): void {
  const stranger = filters.get(name)?.find((value) => !known.includes(value))
  if (stranger !== undefined) throw badRequest(complaint(stranger))
}

function exitCode(value: string): number {
  if (!/^\d{1,3}$/.test(value)) throw badRequest(`Invalid filter 'exited=${value}'`)
  return Number(value)
}

/** Tasks belong to a swarm, so none of our containers is one. */
function taskWanted(filters: Filters): boolean | undefined {
  const values = filters.get('is-task')
  if (values === undefined) return undefined
  const [value = ''] = values
  if (values.length === 1 && /^(true|1|false|0)$/i.test(value)) return /^(true|1)$/i.test(value)
  throw badRequest(`Invalid filter 'is-task=[${values.join(' ')}]'`)
}
