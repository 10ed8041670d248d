/** A container's history as it is exported, read and folded without the daemon. */
import type { ContainerEvent } from '../../machines/container-events.ts'
import { fold, type Life } from '../../machines/container-life.ts'

export interface Told {
  readonly type: ContainerEvent['type']
  readonly time: string
  readonly version: number
  readonly data: Readonly<Record<string, unknown>>
}

/** @param text JSON lines. */
export const parseHistory = (text: string): readonly Told[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Told)

export const foldHistory = (history: readonly Told[]): Life =>
  fold(history.map(({ type, data }) => ({ type, ...data }) as ContainerEvent))

/** What the history says of each run, in order: the events that name it. */
export function runsOf(history: readonly Told[]): ReadonlyMap<string, readonly Told[]> {
  const runs = new Map<string, Told[]>()
  for (const told of history) {
    const { runId } = told.data
    if (typeof runId === 'string') runs.set(runId, [...(runs.get(runId) ?? []), told])
  }
  return runs
}
