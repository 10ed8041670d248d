/** A container's whole life from the daemon's log, and the states that it led through. */
import type { ContainerEvent } from '../../../machines/container-events.ts'
import { evolve, milestone, newLife } from '../../../machines/container-life.ts'
import type { ApiClient } from '../../e2e/api-client.ts'

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
