/** All that the container machine knows: its events and its states, for tests that ask whether each was reached. */
import type { StateValue } from 'xstate'
import { containerMachine } from '../../machines/container.ts'

interface Node {
  readonly key: string
  readonly path: readonly string[]
  readonly states: Readonly<Record<string, Node>>
}

export const eventTypesOfMachine = (): readonly string[] => [...containerMachine.events].sort()

/** Every state without states inside, as `running.stop.killing`; not the one before the first event. */
export const statesOfMachine = (): readonly string[] =>
  leaves(containerMachine.root)
    .filter((state) => state !== 'absent')
    .sort()

/** The innermost states of a saved value. */
export function activeStates(value: StateValue, path: readonly string[] = []): readonly string[] {
  if (typeof value === 'string') return [[...path, value].join('.')]
  return Object.entries(value).flatMap(([key, inner]) =>
    inner === undefined ? [] : activeStates(inner, [...path, key]),
  )
}

function leaves(node: Node): readonly string[] {
  const inner = Object.values(node.states)
  return inner.length === 0 ? [node.path.join('.')] : inner.flatMap(leaves)
}
