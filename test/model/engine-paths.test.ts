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
import { alphabet, edges, point } from './alphabet.ts'
import { otherEdges, passableEdges, simplePaths } from './paths.ts'
import { allTransitions, transitionsTaken } from './transitions.ts'
import { commandOf, Walker } from './walker.ts'

/** Events in a path: longer ones would be too many to walk in a minute. What is further away is walked beside them, each edge once. */
const bound = 11

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
  const paths = [...simplePaths(bound), ...otherEdges(bound)]

  it(`walks all simple paths of up to ${bound} events`, async () => {
    expect(paths.length).toBeGreaterThan(3_000)
    for (const path of paths) await walk(path)
  }, 300_000)

  it('takes every transition on them', () => {
    const taken = new Set(passableEdges.flatMap(({ from, event }) => transitionsTaken(from, event)))
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
