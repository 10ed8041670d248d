import { describe, expect, test as it } from 'vitest'
import type { ContainerEvent } from '../../../machines/container-events.ts'
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
const kill: ContainerCommand = { type: 'kill', signal: 'SIGKILL', ref: 'web' }
const rename: ContainerCommand = { type: 'rename', name: 'other' }
const remove = (force = false): ContainerCommand => ({
  type: 'remove',
  force,
  volumes: false,
  killDeadline: later,
})

const given = (...events: readonly ContainerEvent[]) => ({
  when: (command: ContainerCommand) => decide(lifeAfter(...events), command),
})

const recorded = (event: ContainerEvent) => ({ kind: 'record', event })
const refused = (code: string, message: string) => ({ kind: 'refuse', error: { code, message } })
const waiting = { kind: 'wait' }

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
  it('is started', () => expect(given(...events).when(start)).toEqual(recorded(startRequested('r2'))))
  it('is started by a restart', () =>
    expect(given(...events).when(restart)).toEqual(recorded(restartRequested('r2'))))
  it('is removed', () => expect(given(...events).when(remove())).toEqual(recorded(removeRequested())))
  it('is stopped already', () =>
    expect(given(...events).when(stop)).toMatchObject(refused('not-modified', '')))
  it('cannot be killed', () => {
    expect(given(...events).when(kill)).toMatchObject(
      refused('conflict', 'Cannot kill container: c1: Container c1 is not running'),
    )
  })
})

describe('A running container', () => {
  it('is started already', () =>
    expect(given(...running).when(start)).toMatchObject(refused('not-modified', '')))
  it('is stopped', () => expect(given(...running).when(stop)).toEqual(recorded(stopRequested)))
  it('is stopped again while it stops', () =>
    expect(given(...running, stopRequested).when(stop)).toEqual(recorded(stopRequested)))
  it('is restarted', () => expect(given(...running).when(restart)).toEqual(recorded(restartRequested('r2'))))
  it('is killed', () =>
    expect(given(...running).when(kill)).toEqual(recorded({ type: 'KillRequested', signal: 'SIGKILL' })))
  it('is not removed', () => {
    expect(given(...running).when(remove())).toMatchObject(
      refused(
        'conflict',
        'You cannot remove a running container c1. Stop the container before attempting removal or force remove',
      ),
    )
  })
  it('is removed by force, once', () => {
    expect(given(...running).when(remove(true))).toEqual(recorded(removeRequested(true)))
    expect(given(...running, removeRequested(true)).when(remove(true))).toMatchObject(
      refused('conflict', 'removal of container c1 is already in progress'),
    )
  })
  it('that is on its way out is not restarted', () => {
    expect(given(...running, removeRequested(true)).when(restart)).toMatchObject(
      refused('conflict', 'container is marked for removal and cannot be restarted'),
    )
  })
})

describe('A paused container', () => {
  const events = [...running, paused()]
  it('is not started', () => {
    expect(given(...events).when(start)).toMatchObject(
      refused('conflict', 'cannot start a paused container, try unpause instead'),
    )
  })
  it('is stopped and killed', () => {
    expect(given(...events).when(stop)).toEqual(recorded(stopRequested))
    expect(given(...events).when(kill)).toEqual(recorded({ type: 'KillRequested', signal: 'SIGKILL' }))
  })
  it('is removed by force only', () => {
    expect(given(...events).when(remove())).toMatchObject(
      refused(
        'conflict',
        'You cannot remove a paused container c1. Unpause and then stop the container before attempting removal or force remove',
      ),
    )
    expect(given(...events).when(remove(true))).toEqual(recorded(removeRequested(true)))
  })
})

describe.each([0, 1, 2, 3, 4])('A container that is starting, %i steps on', (count) => {
  const events = [created(), ...started().slice(0, count + 1)]
  it('makes another start and a restart wait, as Docker does', () => {
    expect(given(...events).when(start)).toEqual(waiting)
    expect(given(...events).when(restart)).toEqual(waiting)
  })
  it('is stopped and killed', () => {
    expect(given(...events).when(stop)).toEqual(recorded(stopRequested))
    expect(given(...events).when(kill)).toEqual(recorded({ type: 'KillRequested', signal: 'SIGKILL' }))
  })
  it('is removed by force only', () => {
    expect(given(...events).when(remove())).toMatchObject(
      refused(
        'conflict',
        'You cannot remove a starting container c1. Stop the container before attempting removal or force remove',
      ),
    )
    expect(given(...events).when(remove(true))).toEqual(recorded(removeRequested(true)))
  })
})

describe('A container that is being released', () => {
  it('is started as soon as it is', () =>
    expect(given(...releasing).when(start)).toEqual(recorded(startRequested('r2'))))
  it('makes a start wait for the one that is planned', () => {
    expect(given(...releasing, startRequested('r3')).when(start)).toEqual(waiting)
  })
  it('is stopped already, unless a start is planned', () => {
    expect(given(...releasing).when(stop)).toMatchObject(refused('not-modified', ''))
    expect(given(...releasing, startRequested('r3')).when(stop)).toEqual(recorded(stopRequested))
  })
  it('cannot be killed', () => {
    expect(given(...releasing).when(kill)).toMatchObject(
      refused('conflict', 'Cannot kill container: c1: Container c1 is not running'),
    )
  })
  it('is removed', () => expect(given(...releasing).when(remove())).toEqual(recorded(removeRequested())))
})

describe('A container that is being removed', () => {
  it.each([
    ['started', start],
    ['restarted', restart],
  ])('is not %s', (doing, command) => {
    expect(given(...removing).when(command)).toMatchObject(
      refused('conflict', `container is marked for removal and cannot be ${doing}`),
    )
  })
  it('is not removed twice', () => {
    expect(given(...removing).when(remove(true))).toMatchObject(
      refused('conflict', 'removal of container c1 is already in progress'),
    )
  })
})

describe('A removed container', () => {
  it.each([start, stop, restart, kill, rename, remove(true)])('is unknown to $type', (command) => {
    expect(given(...removed).when(command)).toMatchObject(refused('not-found', 'No such container: c1'))
  })
})

describe('Renaming', () => {
  it.each([[[created()]], [running], [releasing], [removing]])('works in every state', (events) => {
    expect(given(...events).when(rename)).toEqual(
      recorded({ type: 'ContainerRenamed', name: 'other', oldName: 'web' }),
    )
  })
  it('to the present name is refused', () => {
    expect(given(...running).when({ type: 'rename', name: 'web' })).toMatchObject(
      refused('bad-request', 'Renaming a container with the same name as its current name'),
    )
  })
})
