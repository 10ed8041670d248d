import { describe, expect, test as it } from 'vitest'
import type { ContainerEvent } from '../../../machines/container-events.ts'
import { evolve } from '../../../machines/container-life.ts'
import { type ContainerCommand, decide } from '../../../src/engine/decide.ts'
import {
  created,
  exited,
  later,
  lifeAfter,
  paused,
  released,
  removeRequested,
  restartRequested,
  started,
  startRequested,
  stopRequested,
} from './container-log.ts'

const start: ContainerCommand = { type: 'start', runId: 'r2' }
const stopFacts = { signal: 'SIGTERM', timeoutSeconds: 10, deadline: later }
const stop: ContainerCommand = { type: 'stop', ...stopFacts }
const restart: ContainerCommand = { type: 'restart', runId: 'r2', ...stopFacts }
const kill: ContainerCommand = { type: 'kill', signal: 'SIGKILL' }
const rename: ContainerCommand = { type: 'rename', name: 'other' }
const remove = (force = false): ContainerCommand => ({
  type: 'remove',
  force,
  volumes: false,
  killDeadline: later,
})

const given = (...events: readonly ContainerEvent[]) => ({
  when(command: ContainerCommand) {
    const life = lifeAfter(...events)
    const decision = decide(life, command)
    return {
      records: (event: ContainerEvent) => {
        expect(decision).toEqual({ kind: 'record', event })
        expect(evolve(life, event)).not.toBe(life)
      },
      isRefused: (code: string, message: string) =>
        expect(decision).toMatchObject({ kind: 'refuse', error: { code, message } }),
      waits: () => expect(decision).toEqual({ kind: 'wait' }),
    }
  },
})

const running = [created(), ...started()]
const atRest: readonly (readonly [string, readonly ContainerEvent[]])[] = [
  ['created', [created()]],
  ['exited', [...running, exited(1), released()]],
  ['OOM-killed', [...running, { type: 'OomKilled', runId: 'r1' }, exited(137), released()]],
  ['failed', [created(), startRequested(), stopRequested, released()]],
]
const releasing = [...running, exited()]
const removing = [created(), removeRequested()]
const removed: readonly ContainerEvent[] = [...removing, { type: 'Removed' }]

describe.each(atRest)('A container that is %s', (_, events) => {
  it('is started', () =>
    given(...events)
      .when(start)
      .records(startRequested('r2')))
  it('is started by a restart', () =>
    given(...events)
      .when(restart)
      .records(restartRequested('r2')))
  it('is removed', () =>
    given(...events)
      .when(remove())
      .records(removeRequested()))
  it('is stopped already', () =>
    given(...events)
      .when(stop)
      .isRefused('not-modified', ''))
  it('cannot be killed', () => {
    given(...events)
      .when(kill)
      .isRefused('conflict', 'Cannot kill container: c1: Container c1 is not running')
  })
})

describe('A running container', () => {
  it('is started already', () =>
    given(...running)
      .when(start)
      .isRefused('not-modified', ''))
  it('is stopped', () =>
    given(...running)
      .when(stop)
      .records(stopRequested))
  it('is stopped again while it stops', () =>
    given(...running, stopRequested)
      .when(stop)
      .records(stopRequested))
  it('is restarted', () =>
    given(...running)
      .when(restart)
      .records(restartRequested('r2')))
  it('is killed', () =>
    given(...running)
      .when(kill)
      .records({ type: 'KillRequested', signal: 'SIGKILL' }))
  it('is not removed', () => {
    given(...running)
      .when(remove())
      .isRefused(
        'conflict',
        'You cannot remove a running container c1. Stop the container before attempting removal or force remove',
      )
  })
  it('is removed by force, once', () => {
    given(...running)
      .when(remove(true))
      .records(removeRequested(true))
    given(...running, removeRequested(true))
      .when(remove(true))
      .isRefused('conflict', 'removal of container c1 is already in progress')
  })
  it('that is on its way out is not restarted', () => {
    given(...running, removeRequested(true))
      .when(restart)
      .isRefused('conflict', 'container is marked for removal and cannot be restarted')
  })
})

describe('A paused container', () => {
  const events = [...running, paused()]
  it('is not started', () => {
    given(...events)
      .when(start)
      .isRefused('conflict', 'cannot start a paused container, try unpause instead')
  })
  it('is stopped and killed', () => {
    given(...events)
      .when(stop)
      .records(stopRequested)
    given(...events)
      .when(kill)
      .records({ type: 'KillRequested', signal: 'SIGKILL' })
  })
  it('is removed by force only', () => {
    given(...events)
      .when(remove())
      .isRefused(
        'conflict',
        'You cannot remove a paused container c1. Unpause and then stop the container before attempting removal or force remove',
      )
    given(...events)
      .when(remove(true))
      .records(removeRequested(true))
  })
})

describe.each([0, 1, 2, 3, 4])('A container that is starting, %i steps on', (count) => {
  const events = [created(), ...started().slice(0, count + 1)]
  it('makes another start wait', () =>
    given(...events)
      .when(start)
      .waits())
  it('is stopped, killed and restarted', () => {
    given(...events)
      .when(stop)
      .records(stopRequested)
    given(...events)
      .when(kill)
      .records({ type: 'KillRequested', signal: 'SIGKILL' })
    given(...events)
      .when(restart)
      .records(restartRequested('r2'))
  })
  it('is removed by force only', () => {
    given(...events)
      .when(remove())
      .isRefused(
        'conflict',
        'You cannot remove a starting container c1. Stop the container before attempting removal or force remove',
      )
    given(...events)
      .when(remove(true))
      .records(removeRequested(true))
  })
})

describe('A container that is being released', () => {
  it('is started as soon as it is', () =>
    given(...releasing)
      .when(start)
      .records(startRequested('r2')))
  it('makes a start wait for the one that is planned', () => {
    given(...releasing, startRequested('r3'))
      .when(start)
      .waits()
  })
  it('is stopped already, unless a start is planned', () => {
    given(...releasing)
      .when(stop)
      .isRefused('not-modified', '')
    given(...releasing, startRequested('r3'))
      .when(stop)
      .records(stopRequested)
  })
  it('cannot be killed', () => {
    given(...releasing)
      .when(kill)
      .isRefused('conflict', 'Cannot kill container: c1: Container c1 is not running')
  })
  it('is removed', () =>
    given(...releasing)
      .when(remove())
      .records(removeRequested()))
})

describe('A container that is being removed', () => {
  it.each([
    ['started', start],
    ['restarted', restart],
  ])('is not %s', (doing, command) => {
    given(...removing)
      .when(command)
      .isRefused('conflict', `container is marked for removal and cannot be ${doing}`)
  })
  it('is not removed twice', () => {
    given(...removing)
      .when(remove(true))
      .isRefused('conflict', 'removal of container c1 is already in progress')
  })
})

describe('A removed container', () => {
  it.each([start, stop, restart, kill, rename, remove(true)])('is unknown to $type', (command) => {
    given(...removed)
      .when(command)
      .isRefused('not-found', 'No such container: c1')
  })
})

describe('Renaming', () => {
  it.each([[[created()]], [running], [releasing], [removing]])('works in every state', (events) => {
    given(...events)
      .when(rename)
      .records({ type: 'ContainerRenamed', name: 'other', oldName: 'web' })
  })
  it('to the present name is refused', () => {
    given(...running)
      .when({ type: 'rename', name: 'web' })
      .isRefused('bad-request', 'Renaming a container with the same name as its current name')
  })
})
