/** What containers go through, as events, for tests that begin in a certain state. */
import type { ContainerEvent, ContainerEventOf } from '../../../machines/container-events.ts'
import { fold, type Life } from '../../../machines/container-life.ts'
import { aSpec, type SpecChanges } from '../../fixtures/spec.ts'

export const at = '2026-01-01T00:00:00.000000000Z'
export const later = '2026-01-01T00:00:10.000000000Z'

export const created = (changes?: SpecChanges): ContainerEvent => ({
  type: 'ContainerCreated',
  id: 'c1',
  name: 'web',
  spec: aSpec(changes),
})

export const startRequested = (runId = 'r1'): ContainerEvent => ({ type: 'StartRequested', runId })

/** The steps of one start, one fact each. */
export const steps = (runId = 'r1'): readonly ContainerEvent[] => [
  { type: 'RootfsMounted', runId, rootfs: '/rootfs' },
  { type: 'BundlePrepared', runId, bundle: '/bundle' },
  { type: 'ShimStarted', runId, shimPid: 10, shimStartTicks: '1' },
  { type: 'PidRecorded', runId, pid: 11, startTicks: '2' },
  { type: 'ProcessStarted', runId, startedAt: at, bootId: 'boot' },
]

export const started = (runId = 'r1'): readonly ContainerEvent[] => [startRequested(runId), ...steps(runId)]

export const exited = (exitCode = 0, runId = 'r1'): ContainerEvent => ({
  type: 'ProcessExited',
  runId,
  exitCode,
  exitedAt: later,
})

export const released = (runId = 'r1'): ContainerEvent => ({ type: 'Released', runId })
export const paused = (runId = 'r1'): ContainerEvent => ({ type: 'Paused', runId })

export const stopRequested: ContainerEventOf<'StopRequested'> = {
  type: 'StopRequested',
  signal: 'SIGTERM',
  timeoutSeconds: 10,
  deadline: later,
}

export const restartRequested = (runId: string): ContainerEvent => ({
  ...stopRequested,
  type: 'RestartRequested',
  runId,
})

export const removeRequested = (force = false): ContainerEvent => ({
  type: 'RemoveRequested',
  force,
  volumes: false,
  killDeadline: later,
})

/** The state of a container named `web` with these events behind it. */
export const lifeAfter = (...events: readonly ContainerEvent[]): Life => fold(events)
