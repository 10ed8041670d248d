/** Every simple path of the container machine up to a bound, walked by the engine itself: it has to come to the same state, effects and timer. */
import { describe, expect, it } from 'vitest'
import type { ContainerEvent } from '../../machines/container-events.ts'
import {
  evolve,
  fold,
  type Life,
  newLife,
  pendingEffects,
  pendingTimer,
  save,
} from '../../machines/container-life.ts'
import { decide } from '../../src/engine/decide.ts'
import { TallyError } from '../../src/errors.ts'
import { alphabet, type Edge, edges, point } from './alphabet.ts'
import { allTransitions, transitionsTaken } from './transitions.ts'
import { commandOf, isPassable, Walker } from './walker.ts'

/** Events in a path. Every point of the graph is reached within it, and longer ones would be too many to walk in a minute. */
const bound = 10

const ways = Map.groupBy(
  edges.filter(({ from, event, to }) => point(from) !== point(to) && isPassable(from, event)),
  ({ from }) => point(from),
)

/** Paths that visit no point twice and can't be made longer within the bound: what they begin with is walked with them. */
function simplePaths(): readonly (readonly ContainerEvent[])[] {
  const found: (readonly ContainerEvent[])[] = []
  const visit = (life: Life, path: readonly ContainerEvent[], seen: ReadonlySet<string>): void => {
    const next = path.length === bound ? [] : unseen(ways.get(point(life)) ?? [], seen)
    if (next.length === 0) found.push(path)
    for (const { event, to } of next) visit(to, [...path, event], new Set([...seen, point(to)]))
  }
  visit(newLife(), [], new Set([point(newLife())]))
  return found
}

/** Edges back to a point are on no simple path: one for each choice of transitions is walked at the end of the shortest way there. */
function everyEdge(): readonly (readonly ContainerEvent[])[] {
  const shortest = new Map<string, readonly ContainerEvent[]>([[point(newLife()), []]])
  for (const [from, path] of shortest)
    for (const { event, to } of ways.get(from) ?? [])
      if (!shortest.has(point(to))) shortest.set(point(to), [...path, event])
  const choices = new Map(
    edges
      .filter(({ from, event }) => isPassable(from, event))
      .map((edge) => [transitionsTaken(edge.from, edge.event).join(), edge]),
  )
  return [...choices.values()].flatMap(({ from, event }) => {
    const path = shortest.get(point(from))
    return path === undefined ? [] : [[...path, event]]
  })
}

const unseen = (some: readonly Edge[], seen: ReadonlySet<string>): readonly Edge[] =>
  some.filter(({ to }) => !seen.has(point(to)))

async function walk(path: readonly ContainerEvent[]): Promise<void> {
  const walker = new Walker()
  let life = newLife()
  for (const event of path) {
    await walker.go(event)
    life = evolve(life, event)
    compare(walker, life)
  }
  expect(save(fold(walker.log))).toEqual(save(life))
}

function compare({ lifecycle, performances, isTimed }: Walker, life: Life): void {
  expect(point(lifecycle.life)).toBe(point(life))
  const wanted = pendingEffects(life).map(({ key }) => key)
  expect([...performances.keys()].sort()).toEqual(wanted.toSorted())
  expect(isTimed).toBe(pendingTimer(life) !== undefined)
}

describe('the engine on the paths of the machine', () => {
  const paths = [...simplePaths(), ...everyEdge()]

  it(`walks all simple paths of up to ${bound} events`, async () => {
    expect(paths.length).toBeGreaterThan(3_000)
    for (const path of paths) await walk(path)
  }, 300_000)

  it('takes every transition on them', () => {
    const walked = edges.filter(({ from, event }) => isPassable(from, event))
    const taken = new Set(walked.flatMap(({ from, event }) => transitionsTaken(from, event)))
    expect(allTransitions.filter((transition) => !taken.has(transition))).toEqual([])
  })

  it('refuses a command, or lets it wait, wherever it does not record it', () => {
    const lives = [newLife(), ...edges.map(({ to }) => to)]
    for (const life of lives) {
      for (const command of alphabet(life).flatMap((event) => commandOf(event) ?? [])) {
        const decision = decide(life, command)
        const isRight =
          decision.kind === 'refuse'
            ? decision.error instanceof TallyError
            : decision.kind === 'wait' || life.can(decision.event)
        expect([life.value, command, isRight]).toEqual([life.value, command, true])
      }
    }
  })
})
