import { describe, expect, test as it } from 'vitest'
import type { ContainerEvent } from '../../../machines/container-events.ts'
import { evolve, pendingEffects, pendingTimer } from '../../../machines/container-life.ts'
import {
  at,
  created,
  exited,
  later,
  lifeAfter,
  paused,
  removeRequested,
  restartRequested,
  started,
  stopRequested,
} from '../engine/container-log.ts'

const running = [created(), ...started()]
const effects = (...events: readonly ContainerEvent[]) =>
  pendingEffects(lifeAfter(...events)).map(({ type }) => type)

describe('A stop', () => {
  it.each([[stopRequested], [restartRequested('r2')], [removeRequested(true)]])(
    '%j leaves a paused container paused',
    (event) => {
      expect(lifeAfter(...running, paused(), event).matches({ running: { freezer: 'paused' } })).toBe(true)
    },
  )

  it('goes on sending the signal that is under way', () => {
    const killing = lifeAfter(...running, { type: 'KillRequested', signal: 'SIGHUP' })
    const sending = pendingEffects(killing).find(({ type }) => type === 'sendSignal')
    expect(pendingEffects(evolve(killing, stopRequested))).toContainEqual(sending)
  })

  it('moves the deadline each time it is asked for', () => {
    const again: ContainerEvent = { ...stopRequested, deadline: at }
    expect(pendingTimer(lifeAfter(...running, stopRequested))?.due).toBe(later)
    expect(pendingTimer(lifeAfter(...running, stopRequested, again))?.due).toBe(at)
  })

  it('without a deadline has no timer', () => {
    expect(pendingTimer(lifeAfter(...running, { ...stopRequested, deadline: null }))).toBeUndefined()
  })
})

describe('A running container', () => {
  it('is watched, and its signals are sent one at a time', () => {
    const kill = (signal: string) => ({ type: 'KillRequested', signal }) as const
    expect(effects(...running)).toEqual(['watchProcess'])
    expect(effects(...running, kill('SIGHUP'), kill('SIGINT'))).toEqual(['watchProcess', 'sendSignal'])
  })

  it('forgets signals and deadlines when it has ended', () => {
    const life = lifeAfter(...running, stopRequested, exited())
    expect([life.context.signals, life.context.deadline, pendingTimer(life)]).toEqual([[], null, undefined])
  })
})

describe('Attaching', () => {
  it('is accepted in every state and changes none', () => {
    for (const life of [lifeAfter(created()), lifeAfter(...running), lifeAfter(...running, exited())]) {
      expect(life.can({ type: 'Attached' })).toBe(true)
      expect(evolve(life, { type: 'Attached' }).value).toEqual(life.value)
    }
  })
})
