import { describe, expect, test as it } from 'vitest'
import type { ContainerEvent } from '../../../machines/container-events.ts'
import { save } from '../../../machines/container-life.ts'
import { toView } from '../../../src/engine/view.ts'
import {
  at,
  created,
  exited,
  later,
  lifeAfter,
  paused,
  released,
  removeRequested,
  started,
  startRequested,
  stopRequested,
} from './container-log.ts'

const viewAfter = (...events: readonly ContainerEvent[]) =>
  toView({ id: 'c1', name: 'web', version: events.length, state: save(lifeAfter(...events)) })

const running = [created(), ...started()]
const never = '0001-01-01T00:00:00Z'
const failure = { code: 'internal', message: 'exec failed', exitCode: 127 }
const failed: readonly ContainerEvent[] = [
  startRequested('r2'),
  { type: 'StepFailed', runId: 'r2', step: 'awaitPid', failure },
  released('r2'),
]

describe('A container looks', () => {
  it.each<readonly [string, string, readonly ContainerEvent[]]>([
    ['created', 'created', [created()]],
    ['created', 'launching.starting', [created(), startRequested()]],
    ['running', 'running', running],
    ['paused', 'running', [...running, paused()]],
    ['running', 'running', [...running, stopRequested]],
    ['exited', 'releasing', [...running, exited()]],
    ['exited', 'exited', [...running, exited(), released()]],
    ['exited', 'launching.starting', [...running, exited(), released(), startRequested('r2')]],
    ['created', 'failed', [created(), ...failed]],
    ['exited', 'failed', [...running, exited(), released(), ...failed]],
    ['removing', 'removing', [created(), removeRequested()]],
  ])('%s when it is in %s', (status, milestone, events) => {
    expect(viewAfter(...events)).toMatchObject({ status, milestone })
  })

  it('as Docker shows one that was never started', () => {
    expect(viewAfter(created()).state).toEqual({
      ...{ running: false, paused: false, oomKilled: false, dead: false },
      ...{ pid: 0, exitCode: 0, error: '', startedAt: never, finishedAt: never },
    })
  })

  it('with its pid and without an end while it runs', () => {
    expect(viewAfter(...running).state).toMatchObject({
      ...{ running: true, pid: 11, exitCode: 0, error: '', startedAt: at, finishedAt: never },
    })
  })

  it('with its exit code and end, and without a pid, when it has ended', () => {
    expect(viewAfter(...running, exited(3), released()).state).toMatchObject({
      ...{ running: false, pid: 0, exitCode: 3, startedAt: at, finishedAt: later },
    })
  })

  it('with the error of a start that failed and the times of the run before', () => {
    expect(viewAfter(...running, exited(3), released(), ...failed).state).toMatchObject({
      ...{ exitCode: 127, error: 'exec failed', startedAt: at, finishedAt: later },
    })
  })
})
