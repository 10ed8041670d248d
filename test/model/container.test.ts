/** Walks the container machine along every simple path up to a bound and checks that no state or transition is out of reach. */
import { describe, expect, it } from 'vitest'
import { getShortestPaths, getStateNodes } from 'xstate/graph'
import { containerMachine } from '../../machines/container.ts'
import type { ContainerEvent } from '../../machines/container-events.ts'
import {
  evolve,
  type Life,
  newLife,
  pendingEffects,
  pendingTimer,
  restore,
  save,
} from '../../machines/container-life.ts'
import { at, edges, walkOptions as options, point } from './alphabet.ts'

const nodes = getStateNodes(containerMachine)
const activeNodes = ({ _nodes }: Life): readonly string[] => _nodes.map(({ id }) => id)

/** Which region comes first is nobody's business. */
const inOrder = (life: Life) => pendingEffects(life).toSorted((a, b) => (a.key < b.key ? -1 : 1))

describe('the container machine', () => {
  it('reaches every state', () => {
    const reached = new Set([...activeNodes(newLife()), ...edges.flatMap(({ to }) => activeNodes(to))])
    expect(nodes.map(({ id }) => id).filter((id) => !reached.has(id))).toEqual([])
  })

  it('takes every transition', () => {
    const taken = new Set(
      edges.flatMap(({ from, event }) => activeNodes(from).map((id) => `${event.type} in ${id}`)),
    )
    const all = nodes.flatMap(({ id, ownEvents }) => ownEvents.map((type) => `${type} in ${id}`))
    const missing = all.filter((transition) => !taken.has(transition))
    expect(all.length).toBeGreaterThan(40)
    expect(missing).toEqual([])
  })

  it('never has two effects with one key, and never two timers', () => {
    for (const { to } of edges) {
      const keys = pendingEffects(to).map(({ key }) => key)
      expect(new Set(keys).size).toBe(keys.length)
    }
  })

  it('always asks for an effect or a timer while something is under way, and for none at rest', () => {
    const rest = ['absent', 'created', 'exited', 'oom-killed', 'failed', 'removed']
    for (const { to } of edges) {
      const atRest = typeof to.value === 'string' && rest.includes(to.value)
      const asks = pendingEffects(to).length > 0 || pendingTimer(to) !== undefined
      expect([to.value, asks]).toEqual([to.value, !atRest])
    }
  })

  it('comes to the same effects and timer after it was saved and restored', () => {
    for (const { to } of edges) {
      const again = restore(JSON.parse(JSON.stringify(save(to))))
      expect(inOrder(again)).toEqual(inOrder(to))
      expect(pendingTimer(again)).toEqual(pendingTimer(to))
      expect(point(again)).toBe(point(to))
    }
  })

  it('goes on alike from a restored state', () => {
    for (const { from, event, to } of edges) {
      const again = evolve(restore(JSON.parse(JSON.stringify(save(from)))), event)
      expect(point(again)).toBe(point(to))
    }
  })

  it('never begins a run before the one before it is released', () => {
    for (const { from, event, to } of edges) {
      if (from.context.run?.id === to.context.run?.id || from.context.run === null) continue
      const released =
        event.type === 'Released' ||
        ['exited', 'oom-killed', 'failed', 'created', 'restarting'].includes(String(from.value))
      expect([event.type, from.value, released]).toEqual([event.type, from.value, true])
    }
  })

  it('can be removed by force from every state in which it exists', () => {
    for (const { from } of edges) {
      const gone = ['absent', 'removing', 'removed'].includes(String(from.value))
      const force: ContainerEvent = { type: 'RemoveRequested', force: true, volumes: false, killDeadline: at }
      expect([from.value, from.can(force)]).toEqual([from.value, !gone])
    }
  })

  it('ignores what belongs to another run', () => {
    const others: readonly ContainerEvent[] = [
      { type: 'ProcessExited', runId: 'other', exitCode: 0, exitedAt: at },
      { type: 'OomKilled', runId: 'other' },
      { type: 'SignalSent', runId: 'other', signal: 'SIGTERM' },
      {
        type: 'StepFailed',
        runId: 'other',
        step: 'awaitPid',
        failure: { code: 'x', message: 'x', exitCode: 1 },
      },
    ]
    for (const { from } of edges)
      for (const event of others) expect(evolve(from, event).value).toEqual(from.value)
  })

  it('walks every shortest path from the beginning', () => {
    for (const { state, steps } of getShortestPaths(containerMachine, options)) {
      let life = newLife()
      for (const { event } of steps.slice(1)) {
        expect(life.can(event)).toBe(true)
        life = evolve(life, event)
      }
      expect(point(life)).toBe(point(state as Life))
    }
  })
})
