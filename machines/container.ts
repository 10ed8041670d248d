/** The life of one container as a pure statechart: every state is a milestone, its `meta.effect` what the engine has to do there. */
import { and, assign, setup } from 'xstate'
import { type ContainerContext, initialContext, type Outcome, type Run } from './container-context.ts'
import type { ContainerEvent, LaunchStep } from './container-events.ts'
import { planRestart, wantsRestart } from './restart-policy.ts'
import { running } from './running.ts'
import { parseSignal } from './signals.ts'

/** What a state asks of the engine: an effect to carry out, a timer to set on `context.deadline`. */
export interface StateMeta {
  readonly effect?:
    | LaunchStep
    | 'watchProcess'
    | 'pause'
    | 'resume'
    | 'applyLimits'
    | 'sendSignal'
    | 'release'
    | 'remove'
  readonly timer?: 'StopDeadlinePassed' | 'KillDeadlinePassed' | 'RestartDue'
}

const KILL = 'SIGKILL'

const withRun = (context: ContainerContext, change: Partial<Run>): Pick<ContainerContext, 'run'> => ({
  run: context.run && { ...context.run, ...change },
})

const beginRun = (id: string, cause: Run['cause']): Partial<ContainerContext> => ({
  run: { id, cause, oomKilled: false, stopRequested: false },
  signals: [],
  deadline: null,
  next: null,
})

const machineSetup = setup({
  types: {
    context: {} as ContainerContext,
    events: {} as ContainerEvent,
    meta: {} as StateMeta,
  },
  guards: {
    ofThisRun: ({ context, event }) => 'runId' in event && event.runId === context.run?.id,
    firstOom: ({ context, event }) =>
      event.type === 'OomKilled' && event.runId === context.run?.id && !context.run.oomKilled,
    forced: ({ event }) => event.type === 'RemoveRequested' && event.force,
    removalWanted: ({ context }) =>
      context.removal !== null || (context.spec?.hostConfig.AutoRemove === true && context.next === null),
    nextWanted: ({ context }) => context.next !== null,
    restartWanted: ({ context }) => wantsRestart(context),
    wasOom: ({ context }) => context.run?.outcome?.kind === 'exited' && context.run.oomKilled,
    hasExited: ({ context }) => context.run?.outcome?.kind === 'exited',
    signalsLeft: ({ context }) => context.signals.length > 0,
  },
  actions: {
    create: assign(({ event }) =>
      event.type === 'ContainerCreated' ? { id: event.id, name: event.name, spec: event.spec } : {},
    ),
    rename: assign(({ event }) => (event.type === 'ContainerRenamed' ? { name: event.name } : {})),
    begin: assign(({ event }) => {
      if (event.type === 'StartRequested') return beginRun(event.runId, 'start')
      return event.type === 'RestartRequested' ? beginRun(event.runId, 'restart') : {}
    }),
    forgetRestarts: assign({ restarts: undefined }),
    planRestart: assign(({ context }) => ({ restarts: planRestart(context) })),
    beginAgain: assign(({ context, event }) => {
      if (event.type !== 'RestartDue' || context.restarts === undefined) return {}
      const restarts = { ...context.restarts, count: context.restarts.count + 1 }
      return { ...beginRun(event.runId, 'policy'), restarts }
    }),
    beginNext: assign(({ context }) =>
      context.next ? beginRun(context.next.runId, context.next.cause) : {},
    ),
    planNext: assign(({ event }) => {
      if (event.type === 'StartRequested') return { next: { runId: event.runId, cause: 'start' as const } }
      return event.type === 'RestartRequested'
        ? { next: { runId: event.runId, cause: 'restart' as const } }
        : {}
    }),
    dropNext: assign({ next: null }),
    noteRootfs: assign(({ context, event }) =>
      event.type === 'RootfsMounted' ? withRun(context, { rootfs: event.rootfs }) : {},
    ),
    noteBundle: assign(({ context, event }) =>
      event.type === 'BundlePrepared' ? withRun(context, { bundle: event.bundle }) : {},
    ),
    noteShim: assign(({ context, event }) =>
      event.type === 'ShimStarted'
        ? withRun(context, { shim: { pid: event.shimPid, startTicks: event.shimStartTicks } })
        : {},
    ),
    notePid: assign(({ context, event }) =>
      event.type === 'PidRecorded'
        ? withRun(context, { process: { pid: event.pid, startTicks: event.startTicks } })
        : {},
    ),
    noteStart: assign(({ context, event }) =>
      event.type === 'ProcessStarted'
        ? {
            ...withRun(context, { startedAt: event.startedAt, bootId: event.bootId }),
            lastStartedAt: event.startedAt,
            lastExitedAt: null,
          }
        : {},
    ),
    noteFailure: assign(({ context, event }) =>
      event.type === 'StepFailed'
        ? withRun(context, { outcome: { kind: 'failed', step: event.step, failure: event.failure } })
        : {},
    ),
    endByHand: assign(({ context, event }) => withRun(context, stoppedBy(event))),
    noteOom: assign(({ context }) => withRun(context, { oomKilled: true })),
    noteExit: assign(({ context, event }) => {
      if (event.type !== 'ProcessExited') return {}
      const { exitCode, exitedAt, reason } = event
      const outcome: Outcome = {
        kind: 'exited',
        exitCode,
        exitedAt,
        ...(reason === undefined ? {} : { reason }),
      }
      return { ...withRun(context, { outcome }), lastExitedAt: exitedAt, signals: [], deadline: null }
    }),
    noteReboot: assign(({ context, event }) => {
      if (event.type !== 'HostRebooted') return {}
      const exitedAt = event.observedAt
      const outcome: Outcome = { kind: 'exited', exitCode: 255, exitedAt, reason: 'the host was rebooted' }
      return { ...withRun(context, { outcome }), lastExitedAt: exitedAt, signals: [], deadline: null }
    }),
    cancel: assign(({ context, event }) =>
      withRun(context, { outcome: { kind: 'cancelled', by: cancelledBy(event) } }),
    ),
    queueStop: assign(({ context, event }) => {
      if (event.type !== 'StopRequested' && event.type !== 'RestartRequested') return {}
      const signals = [...context.signals, event.signal]
      return { ...withRun(context, stoppedBy(event)), signals, deadline: event.deadline }
    }),
    queueSignal: assign(({ context, event }) => {
      if (event.type !== 'KillRequested') return {}
      const signals = [...context.signals, event.signal]
      return endsForGood(context, event.signal)
        ? { ...withRun(context, { endedByHand: true }), signals }
        : { signals }
    }),
    queueKill: assign(({ context, event }) => {
      if (event.type !== 'StopDeadlinePassed' && event.type !== 'RemoveRequested') return {}
      return { signals: [...context.signals, KILL], deadline: event.killDeadline }
    }),
    signalDone: assign(({ context }) => ({
      signals: context.signals.slice(1),
      signalCount: context.signalCount + 1,
    })),
    planRemoval: assign(({ event }) =>
      event.type === 'RemoveRequested'
        ? { removal: { force: event.force, volumes: event.volumes }, next: null }
        : {},
    ),
    forgetDeadline: assign({ deadline: null }),
    update: assign(({ context, event }) => {
      if (event.type !== 'UpdateRequested' || context.spec === null) return {}
      const { hostConfig } = context.spec
      const spec = { ...context.spec, hostConfig: { ...hostConfig, ...event.hostConfig } }
      return {
        spec,
        beforeUpdate: context.beforeUpdate ?? hostConfig,
        updateCount: (context.updateCount ?? 0) + 1,
      }
    }),
    forgetUpdate: assign({ beforeUpdate: undefined }),
    revertUpdate: assign(({ context: { spec, beforeUpdate } }) =>
      spec === null || beforeUpdate === undefined
        ? {}
        : { spec: { ...spec, hostConfig: beforeUpdate }, beforeUpdate: undefined },
    ),
    /** An event that changes nothing is accepted only if it has an action. */
    note: () => undefined,
  },
})

function stoppedBy(event: ContainerEvent): Partial<Run> {
  if (event.type !== 'StopRequested') return { stopRequested: true }
  return {
    stopRequested: true,
    ...(event.by === 'shutdown' ? { endedByShutdown: true } : { endedByHand: true }),
  }
}

/** As in Docker: SIGKILL and the container's own stop signal, and any signal if it names none. */
function endsForGood({ spec }: ContainerContext, signal: string): boolean {
  const own = parseSignal(spec?.config.StopSignal ?? '')
  return signal === KILL || own === undefined || own === parseSignal(signal)
}

function cancelledBy(event: ContainerEvent): 'stop' | 'kill' | 'remove' | 'reboot' {
  if (event.type === 'HostRebooted') return 'reboot'
  if (event.type === 'KillRequested') return 'kill'
  return event.type === 'RemoveRequested' ? 'remove' : 'stop'
}

/** The transitions shared by every state in which nothing runs and nothing is left. */
const atRest = {
  StartRequested: { target: 'launching', actions: ['forgetRestarts', 'begin'] },
  RestartRequested: { target: 'launching', actions: ['forgetRestarts', 'begin'] },
  UpdateRequested: { actions: ['update', 'forgetUpdate'] },
  RemoveRequested: { target: 'removing', actions: 'planRemoval' },
} as const

/** The policy is told to give up: what became of the last run stays. */
const atLast = [
  { guard: 'wasOom', target: 'oom-killed', actions: 'endByHand' },
  { target: 'exited', actions: 'endByHand' },
] as const

export const containerMachine = machineSetup.createMachine({
  id: 'container',
  context: initialContext,
  initial: 'absent',
  states: {
    absent: { on: { ContainerCreated: { target: 'created', actions: 'create' } } },
    created: { on: atRest },
    launching: {
      initial: 'starting',
      on: {
        StepFailed: { guard: 'ofThisRun', target: 'releasing', actions: 'noteFailure' },
        StopRequested: { target: 'releasing', actions: 'cancel' },
        KillRequested: { target: 'releasing', actions: 'cancel' },
        RemoveRequested: { guard: 'forced', target: 'releasing', actions: ['cancel', 'planRemoval'] },
        HostRebooted: { target: 'releasing', actions: 'cancel' },
      },
      states: {
        starting: {
          meta: { effect: 'mountRootfs' },
          on: { RootfsMounted: { guard: 'ofThisRun', target: 'rootfs-mounted', actions: 'noteRootfs' } },
        },
        'rootfs-mounted': {
          meta: { effect: 'prepareBundle' },
          on: { BundlePrepared: { guard: 'ofThisRun', target: 'bundle-ready', actions: 'noteBundle' } },
        },
        'bundle-ready': {
          meta: { effect: 'startShim' },
          on: { ShimStarted: { guard: 'ofThisRun', target: 'shim-started', actions: 'noteShim' } },
        },
        'shim-started': {
          meta: { effect: 'awaitPid' },
          on: { PidRecorded: { guard: 'ofThisRun', target: 'pid-recorded', actions: 'notePid' } },
        },
        'pid-recorded': {
          meta: { effect: 'startProcess' },
          on: {
            ProcessStarted: { guard: 'ofThisRun', target: '#container.running', actions: 'noteStart' },
          },
        },
      },
    },
    running,
    releasing: {
      meta: { effect: 'release' },
      on: {
        StartRequested: { actions: 'planNext' },
        RestartRequested: { actions: 'planNext' },
        StopRequested: { actions: 'dropNext' },
        RemoveRequested: { actions: 'planRemoval' },
        UpdateRequested: { actions: ['update', 'forgetUpdate'] },
        Released: [
          { guard: and(['ofThisRun', 'removalWanted']), target: 'removing' },
          {
            guard: and(['ofThisRun', 'nextWanted']),
            target: 'launching',
            actions: ['forgetRestarts', 'beginNext'],
          },
          { guard: and(['ofThisRun', 'restartWanted']), target: 'restarting', actions: 'planRestart' },
          { guard: and(['ofThisRun', 'wasOom']), target: 'oom-killed' },
          { guard: and(['ofThisRun', 'hasExited']), target: 'exited' },
          { guard: 'ofThisRun', target: 'failed' },
        ],
      },
    },
    restarting: {
      meta: { timer: 'RestartDue' },
      on: {
        RestartDue: { target: 'launching', actions: 'beginAgain' },
        RestartRequested: atRest.RestartRequested,
        UpdateRequested: atRest.UpdateRequested,
        StopRequested: atLast,
        KillRequested: atLast,
        RemoveRequested: { guard: 'forced', target: 'removing', actions: 'planRemoval' },
      },
    },
    exited: { on: atRest },
    'oom-killed': { on: atRest },
    failed: { on: atRest },
    removing: {
      meta: { effect: 'remove' },
      on: { Removed: 'removed' },
    },
    removed: { type: 'final' },
  },
  on: {
    ContainerRenamed: { actions: 'rename' },
    Attached: { actions: 'note' },
    Detached: { actions: 'note' },
    TerminalResized: { actions: 'note' },
    PathArchived: { actions: 'note' },
    ArchiveExtracted: { actions: 'note' },
    Exported: { actions: 'note' },
    Committed: { actions: 'note' },
  },
})
