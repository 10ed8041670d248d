/** Two JSON answers compared field by field: what is missing, what is too much, what has another type or another value. Pure. */

export type DifferenceKind = 'missing' | 'extra' | 'type' | 'value'

export interface FieldDifference {
  /** Names of fields and positions in lists, joined by dots. */
  readonly path: string
  readonly kind: DifferenceKind
  readonly docker?: unknown
  readonly ours?: unknown
}

/** @param path of the answer itself, the first part of all paths that are given back */
export function fieldDifferences(docker: unknown, ours: unknown, path: string): readonly FieldDifference[] {
  if (typeName(docker) !== typeName(ours)) return [{ path, kind: 'type', docker, ours }]
  if (isComposite(docker) && isComposite(ours)) return memberDifferences(docker, ours, path)
  return docker === ours ? [] : [{ path, kind: 'value', docker, ours }]
}

/** Go's nil and its empty lists and maps are not the same to a client: each is a type of its own. */
function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'list' : typeof value
}

const isComposite = (value: unknown): value is object => typeof value === 'object' && value !== null

function memberDifferences(docker: object, ours: object, path: string): readonly FieldDifference[] {
  const [theirs, own] = [new Map(Object.entries(docker)), new Map(Object.entries(ours))]
  const names = [...new Set([...theirs.keys(), ...own.keys()])]
  return names.flatMap((name) => {
    const member = `${path}.${name}`
    if (!own.has(name)) return [{ path: member, kind: 'missing', docker: theirs.get(name) }]
    if (!theirs.has(name)) return [{ path: member, kind: 'extra', ours: own.get(name) }]
    return fieldDifferences(theirs.get(name), own.get(name), member)
  })
}
