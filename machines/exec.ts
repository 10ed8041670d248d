/** The life of one exec as a pure statechart, in the form of the container's: `meta.effect` is what the engine has to do in a state. */
import { assign, setup } from 'xstate'
import type { ExecEvent, ExecEventOf } from './exec-events.ts'

export interface ExecMeta {
  readonly effect?: 'startExec' | 'watchExec' | 'releaseExec'
}

export interface ExecContext {
  readonly created: ExecEventOf<'ExecCreated'> | null
  readonly asked: ExecEventOf<'ExecStartRequested'> | null
  readonly process: { readonly pid: number; readonly startTicks: string } | null
  readonly exit: ExecEventOf<'ExecExited'> | null
  readonly failure: ExecEventOf<'ExecFailed'>['failure'] | null
}

const machineSetup = setup({
  types: { context: {} as ExecContext, events: {} as ExecEvent, meta: {} as ExecMeta },
  guards: { hasFailed: ({ context }) => context.failure !== null },
  actions: {
    create: assign(({ event }) => (event.type === 'ExecCreated' ? { created: event } : {})),
    ask: assign(({ event }) => (event.type === 'ExecStartRequested' ? { asked: event } : {})),
    noteStart: assign(({ event }) =>
      event.type === 'ExecStarted' ? { process: { pid: event.pid, startTicks: event.startTicks } } : {},
    ),
    noteExit: assign(({ event }) => (event.type === 'ExecExited' ? { exit: event } : {})),
    note: () => {},
    noteFailure: assign(({ event }) => (event.type === 'ExecFailed' ? { failure: event.failure } : {})),
  },
})

export const execMachine = machineSetup.createMachine({
  id: 'exec',
  context: { created: null, asked: null, process: null, exit: null, failure: null },
  initial: 'absent',
  states: {
    absent: { on: { ExecCreated: { target: 'created', actions: 'create' } } },
    created: { on: { ExecStartRequested: { target: 'starting', actions: 'ask' } } },
    starting: {
      meta: { effect: 'startExec' },
      on: {
        ExecDetached: { actions: 'note' },
        ExecStarted: { target: 'running', actions: 'noteStart' },
        ExecFailed: { target: 'releasing', actions: 'noteFailure' },
      },
    },
    running: {
      meta: { effect: 'watchExec' },
      on: {
        ExecDetached: { actions: 'note' },
        ExecExited: { target: 'releasing', actions: 'noteExit' },
      },
    },
    releasing: {
      meta: { effect: 'releaseExec' },
      on: { ExecReleased: [{ guard: 'hasFailed', target: 'failed' }, { target: 'exited' }] },
    },
    exited: { type: 'final' },
    failed: { type: 'final' },
  },
})
