/** What containers have gone through, by their logs: the states they were in, the transitions they took, and what of the machine is missing. */
import { getStateNodes } from 'xstate/graph'
import { containerMachine } from '../../machines/container.ts'
import type { ContainerEvent } from '../../machines/container-events.ts'
import { evolve, type Life, newLife } from '../../machines/container-life.ts'
import { allTransitions, transitionsTaken } from './transitions.ts'

export class Coverage {
  readonly #transitions = new Set<string>()
  readonly #states = new Set<string>()

  add(events: readonly ContainerEvent[]): void {
    let life = newLife()
    this.#visit(life)
    for (const event of events) {
      for (const transition of transitionsTaken(life, event)) this.#transitions.add(transition)
      life = evolve(life, event)
      this.#visit(life)
    }
  }

  /** By the ids of the machine's definition. */
  missingStates(): readonly string[] {
    return getStateNodes(containerMachine)
      .map(({ id }) => id)
      .filter((id) => !this.#states.has(id))
  }

  missingTransitions(): readonly string[] {
    return allTransitions.filter((transition) => !this.#transitions.has(transition))
  }

  #visit({ _nodes }: Life): void {
    for (const { id } of _nodes) this.#states.add(id)
  }
}
