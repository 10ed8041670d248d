/** What the containers of a test have gone through, by their logs: the states they were in, the transitions they took. */
import type { ContainerEvent } from '../../../machines/container-events.ts'
import { evolve, type Life, milestone, newLife } from '../../../machines/container-life.ts'
import type { ApiClient } from '../../e2e/api-client.ts'
import { transitionsTaken } from '../../model/transitions.ts'

export class Coverage {
  readonly transitions = new Set<string>()
  readonly states = new Set<string>()

  add(events: readonly ContainerEvent[]): void {
    this.#visit(newLife())
    let life = newLife()
    for (const event of events) {
      for (const transition of transitionsTaken(life, event)) this.transitions.add(transition)
      life = evolve(life, event)
      this.#visit(life)
    }
  }

  #visit({ _nodes }: Life): void {
    for (const { id } of _nodes) this.states.add(id)
  }
}

/** The container's whole life from the daemon's log. */
export async function eventsOf(api: ApiClient, id: string): Promise<readonly ContainerEvent[]> {
  const text = await api.ask('GET', `/tally/containers/${id}/events`)
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    const { type, data } = JSON.parse(line)
    return { type, ...data } as ContainerEvent
  })
}

/** The state after each event. */
export function milestones(events: readonly ContainerEvent[]): readonly string[] {
  let life = newLife()
  return events.map((event) => {
    life = evolve(life, event)
    return milestone(life.value)
  })
}
