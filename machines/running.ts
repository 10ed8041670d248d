/** What is going on at once while a container's process runs: freezing, limits, stopping, signals. */
export const running = {
  type: 'parallel',
  meta: { effect: 'watchProcess' },
  on: {
    ProcessExited: { guard: 'ofThisRun', target: 'releasing', actions: 'noteExit' },
    HostRebooted: { target: 'releasing', actions: 'noteReboot' },
    OomKilled: { guard: 'firstOom', actions: 'noteOom' },
  },
  states: {
    freezer: {
      initial: 'thawed',
      states: {
        thawed: {
          on: {
            PauseRequested: 'pausing',
            Paused: { guard: 'ofThisRun', target: 'paused' },
          },
        },
        pausing: {
          meta: { effect: 'pause' },
          on: {
            Paused: { guard: 'ofThisRun', target: 'paused' },
            PauseFailed: { guard: 'ofThisRun', target: 'thawed' },
          },
        },
        paused: {
          on: {
            ResumeRequested: 'resuming',
            Resumed: { guard: 'ofThisRun', target: 'thawed' },
          },
        },
        resuming: {
          meta: { effect: 'resume' },
          on: {
            Resumed: { guard: 'ofThisRun', target: 'thawed' },
            ResumeFailed: { guard: 'ofThisRun', target: 'paused' },
          },
        },
      },
    },
    limits: {
      initial: 'applied',
      on: { UpdateRequested: { target: '.applying', actions: 'update' } },
      states: {
        applied: {},
        applying: {
          meta: { effect: 'applyLimits' },
          on: {
            LimitsApplied: { guard: 'ofThisRun', target: 'applied', actions: 'forgetUpdate' },
            LimitsRefused: { guard: 'ofThisRun', target: 'applied', actions: 'revertUpdate' },
          },
        },
      },
    },
    stop: {
      initial: 'unasked',
      on: {
        StopRequested: { target: '.waiting', actions: ['queueStop', 'dropNext'] },
        RestartRequested: { target: '.waiting', actions: ['queueStop', 'planNext'] },
        RemoveRequested: { guard: 'forced', target: '.killing', actions: ['queueKill', 'planRemoval'] },
      },
      states: {
        unasked: {},
        waiting: {
          meta: { timer: 'StopDeadlinePassed' },
          on: { StopDeadlinePassed: { target: 'killing', actions: 'queueKill' } },
        },
        killing: {
          meta: { timer: 'KillDeadlinePassed' },
          on: { KillDeadlinePassed: { target: 'stuck', actions: 'forgetDeadline' } },
        },
        stuck: {},
      },
    },
    signals: {
      initial: 'idle',
      on: { KillRequested: { actions: 'queueSignal' } },
      states: {
        idle: { always: { guard: 'signalsLeft', target: 'sending' } },
        sending: {
          meta: { effect: 'sendSignal' },
          on: {
            SignalSent: { guard: 'ofThisRun', target: 'idle', actions: 'signalDone' },
            SignalFailed: { guard: 'ofThisRun', target: 'idle', actions: 'signalDone' },
          },
        },
      },
    },
  },
} as const
