/** Paths through the graph of the container machine on which the engine can be led: those whose commands it records. */
import type { ContainerEvent } from '../../machines/container-events.ts'
import { type Life, newLife } from '../../machines/container-life.ts'
import { type Edge, edges, point } from './alphabet.ts'
import { isPassable } from './walker.ts'

export type Path = readonly ContainerEvent[]

export const passableEdges: readonly Edge[] = edges.filter(({ from, event }) => isPassable(from, event))

const ways = Map.groupBy(
  passableEdges.filter(({ from, to }) => point(from) !== point(to)),
  ({ from }) => point(from),
)

const waysFrom = (life: Life): readonly Edge[] => ways.get(point(life)) ?? []

/** Paths that visit no point twice and can't be made longer within the bound: what they begin with is walked with them. */
export function simplePaths(bound: number): readonly Path[] {
  const found: Path[] = []
  const visit = (life: Life, path: Path, seen: ReadonlySet<string>): void => {
    const next = path.length === bound ? [] : waysFrom(life).filter(({ to }) => !seen.has(point(to)))
    if (next.length === 0) found.push(path)
    for (const { event, to } of next) visit(to, [...path, event], new Set([...seen, point(to)]))
  }
  visit(newLife(), [], new Set([point(newLife())]))
  return found
}

export interface Way {
  readonly life: Life
  readonly path: Path
  /** All that it visits. */
  readonly points: ReadonlySet<string>
}

/** The shortest way to each point. */
export const shortestPaths: ReadonlyMap<string, Way> = findShortest({
  life: newLife(),
  path: [],
  points: new Set([point(newLife())]),
})

function findShortest(start: Way): ReadonlyMap<string, Way> {
  const shortest = new Map([[point(start.life), start]])
  for (const { life, path, points } of shortest.values())
    for (const { event, to } of waysFrom(life)) {
      const next = point(to)
      if (shortest.has(next)) continue
      shortest.set(next, { life: to, path: [...path, event], points: new Set([...points, next]) })
    }
  return shortest
}

/**
 * The edges that are on no simple path within the bound, each at the end of the shortest way there: those that are further away, those that
 * lead back, and all of a point that don't leave it, one after the other.
 */
export function otherEdges(bound: number): readonly Path[] {
  return [...shortestPaths].flatMap(([at, { path, points }]) => {
    const here = passableEdges.filter(({ from }) => point(from) === at)
    const staying = here.filter(({ to }) => point(to) === at).map(({ event }) => event)
    const back = here.filter(({ to }) => point(to) !== at && (path.length >= bound || points.has(point(to))))
    return [
      ...(staying.length > 0 ? [[...path, ...staying]] : []),
      ...back.map(({ event }) => [...path, event]),
    ]
  })
}
