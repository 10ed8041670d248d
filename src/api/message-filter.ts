/** Which of Docker's event messages a client wants: the `filters` of `GET /events`. */
import type { MessageRow } from '../store/port.ts'
import { type Filters, matchesExactly, matchesPairs } from './filters.ts'

/** What `docker events --filter` knows; kinds that this engine has not yet match nothing. */
export const messageFilters = [
  'config',
  'container',
  'daemon',
  'event',
  'id',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
] as const

const actorKinds = [
  'config',
  'container',
  'daemon',
  'network',
  'node',
  'plugin',
  'secret',
  'service',
  'volume',
]

/** Docker's rule: every filter must match, of a filter's values one is enough, of labels all are needed. */
export function isWanted(message: MessageRow, filters: Filters): boolean {
  return (
    matchesExactly(filters, 'type', message.type) &&
    matchesExactly(filters, 'scope', 'local') &&
    matchesAction(message, filters) &&
    matchesPairs(filters, 'label', message.attributes) &&
    matchesImage(message, filters) &&
    matchesPrefix(filters, 'id', [message.actorId]) &&
    actorKinds.every((kind) => !filters.has(kind) || matchesActor(message, kind, filters))
  )
}

/** `exec_create` finds `exec_create: sh` too. */
function matchesAction({ action }: MessageRow, filters: Filters): boolean {
  const wanted = filters.get('event')
  return wanted?.some((name) => action === name || action.startsWith(`${name}:`)) ?? true
}

const matchesActor = ({ type, actorId, attributes }: MessageRow, kind: string, filters: Filters): boolean =>
  type === kind && matchesPrefix(filters, kind, [actorId, attributes.name ?? ''])

/** By the image's id or name, with or without its tag; for a container's message the image it was made from. */
function matchesImage({ type, actorId, attributes }: MessageRow, filters: Filters): boolean {
  if (!filters.has('image')) return true
  const name = (type === 'image' ? attributes.name : attributes.image) ?? ''
  const names = [actorId, name, name.replace(/:[^:/]*$/, '')]
  return names.some((candidate) => matchesExactly(filters, 'image', candidate))
}

function matchesPrefix(filters: Filters, filter: string, values: readonly string[]): boolean {
  return filters.get(filter)?.some((wanted) => values.some((value) => value.startsWith(wanted))) ?? true
}
