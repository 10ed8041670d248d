/** The transitions of the container machine by name, from its definition alone, and which of them an event takes. */
import { getMicrosteps, type StateNode } from 'xstate'
import { getStateNodes } from 'xstate/graph'
import { containerMachine } from '../../machines/container.ts'
import type { ContainerEvent } from '../../machines/container-events.ts'
import type { Life } from '../../machines/container-life.ts'

type Node = StateNode<never, never>
type Definition = Node['transitions'] extends Map<string, (infer T)[]> ? T : never

/** `container.exited: StartRequested`, with the number of the branch if there are several. */
function nameOf(node: Node, transition: Definition): string {
  const isEventless = node.always?.includes(transition) === true
  const event = isEventless ? 'always' : transition.eventType
  const branches = (isEventless ? node.always : node.transitions.get(transition.eventType)) ?? []
  const branch = branches.length > 1 ? ` #${branches.indexOf(transition) + 1}` : ''
  return `${node.id}: ${event}${branch}`
}

const nodes = [containerMachine.root, ...getStateNodes(containerMachine)] as unknown as readonly Node[]

/** Every transition that is defined. */
export const allTransitions: readonly string[] = nodes.flatMap((node) =>
  [...[...node.transitions.values()].flat(), ...(node.always ?? [])].map((transition) =>
    nameOf(node, transition),
  ),
)

/** Those that `event` takes in state `life`, the eventless ones after it included. */
export function transitionsTaken(life: Life, event: ContainerEvent): readonly string[] {
  const chosen = containerMachine.getTransitionData(life, event) as unknown as readonly Definition[]
  const steps = [life, ...getMicrosteps(containerMachine, life, event).map(([state]) => state as Life)]
  const named = chosen.map((transition) => nameOf(transition.source as unknown as Node, transition))
  return [...named, ...steps.slice(1).flatMap((state, index) => eventless(state, steps[index + 2]))]
}

function eventless(from: Life, to: Life | undefined): readonly string[] {
  if (to === undefined) return []
  const active = (life: Life): readonly string[] => life._nodes.map(({ id }) => id)
  return (from._nodes as unknown as readonly Node[]).flatMap((node) =>
    (node.always ?? [])
      .filter(({ target = [] }) =>
        target.every(({ id }) => active(to).includes(id) && !active(from).includes(id)),
      )
      .map((transition) => nameOf(node, transition)),
  )
}
