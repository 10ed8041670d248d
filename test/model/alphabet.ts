/** The events to which the machine's walks are made, with what tells guards apart, and when two lives are one point of its graph. */
import { getAdjacencyMap } from 'xstate/graph'
import { containerMachine } from '../../machines/container.ts'
import type { ContainerEvent, LaunchStep } from '../../machines/container-events.ts'
import { type Life, pendingEffects } from '../../machines/container-life.ts'
import { aSpec } from '../fixtures/spec.ts'

export const at = '2026-01-01T00:00:00.000000000Z'
const run = 'run-1'

const always = { Name: 'always', MaximumRetryCount: 0 }
const persistent = aSpec({ hostConfig: { RestartPolicy: always } })

const launchSteps = ['mountRootfs', 'prepareBundle', 'startShim', 'awaitPid', 'startProcess'] as const

/** The step that fails is the one that is being taken. */
const stepOf = (life: Life): LaunchStep =>
  launchSteps.find((step) => pendingEffects(life).some(({ type }) => type === step)) ?? 'mountRootfs'

/** One event of each kind. */
export const alphabet = (life: Life): readonly ContainerEvent[] => {
  const runId = life.context.run?.id ?? run
  const nextRun = `run-${life.context.next === null ? 'b' : 'c'}`
  const failure = { code: 'internal', message: 'no', exitCode: 128 }
  const signal = life.context.signals[0] ?? 'SIGTERM'
  return [
    { type: 'ContainerCreated', id: 'c', name: 'n', spec: aSpec() },
    { type: 'ContainerCreated', id: 'c', name: 'n', spec: persistent },
    { type: 'ContainerRenamed', name: 'm', oldName: 'n' },
    { type: 'Attached' },
    { type: 'Detached' },
    { type: 'TerminalResized', width: 80, height: 24 },
    { type: 'PathArchived' },
    { type: 'ArchiveExtracted' },
    { type: 'Exported' },
    { type: 'Committed', comment: '', imageId: 'sha256:i', imageRef: 'made:latest' },
    { type: 'StartRequested', runId: nextRun },
    { type: 'RootfsMounted', runId, rootfs: '/r' },
    { type: 'BundlePrepared', runId, bundle: '/b' },
    { type: 'ShimStarted', runId, shimPid: 1, shimStartTicks: '1' },
    { type: 'PidRecorded', runId, pid: 2, startTicks: '2' },
    { type: 'ProcessStarted', runId, startedAt: at, bootId: 'boot' },
    { type: 'StepFailed', runId, step: stepOf(life), failure },
    { type: 'StopRequested', signal: 'SIGTERM', timeoutSeconds: 10, deadline: at },
    { type: 'RestartRequested', runId: nextRun, signal: 'SIGTERM', timeoutSeconds: 10, deadline: at },
    { type: 'StopDeadlinePassed', killDeadline: at },
    { type: 'KillDeadlinePassed' },
    { type: 'KillRequested', signal: 'SIGKILL' },
    { type: 'SignalSent', runId, signal },
    { type: 'SignalFailed', runId, signal, message: 'gone' },
    { type: 'PauseRequested' },
    { type: 'Paused', runId },
    { type: 'PauseFailed', runId, message: 'no' },
    { type: 'ResumeRequested' },
    { type: 'Resumed', runId },
    { type: 'ResumeFailed', runId, message: 'no' },
    { type: 'RestartDue', runId: 'run-d' },
    { type: 'UpdateRequested', hostConfig: { Memory: 1 << 26 } },
    { type: 'LimitsApplied', runId },
    { type: 'LimitsRefused', runId, message: 'no' },
    { type: 'OomKilled', runId },
    { type: 'ProcessExited', runId, exitCode: 0, exitedAt: at },
    { type: 'HostRebooted', bootId: 'next', observedAt: at },
    { type: 'Released', runId },
    { type: 'RemoveRequested', force: true, volumes: false, killDeadline: at },
    { type: 'RemoveRequested', force: false, volumes: false, killDeadline: at },
    { type: 'Removed' },
  ]
}

/** Two lives are one point of the graph if the machine can't tell them apart by what it decides on. */
export const point = (life: Life): string => {
  const { run: now, next, removal, signals, spec } = life.context
  return JSON.stringify([
    life.value,
    spec?.hostConfig.RestartPolicy.Name,
    now === null ? null : [now.oomKilled, now.outcome?.kind, now.endedByHand],
    next !== null,
    removal !== null,
    Math.min(signals.length, 2),
  ])
}

export const walkOptions = {
  serializeState: (life: Life) => point(life),
  events: (life: Life) => [...alphabet(life)],
  filterEvents: (life: Life, event: ContainerEvent) => life.can(event),
  limit: 100_000,
}

export interface Edge {
  readonly from: Life
  readonly event: ContainerEvent
  readonly to: Life
}

type Graph = Record<
  string,
  { state: Life; transitions: Record<string, { event: ContainerEvent; state: Life }> }
>

/** All transitions between points, as xstate/graph finds them. */
export const edges: readonly Edge[] = Object.values(
  getAdjacencyMap(containerMachine, walkOptions) as Graph,
).flatMap(({ state: from, transitions }) =>
  Object.values(transitions).map(({ event, state: to }) => ({ from, event, to })),
)
