/** The exec machine as pure functions over its snapshot: fold events, ask what has to be done next. */
import { initialTransition, type SnapshotFrom, transition } from 'xstate'
import { type ExecMeta, execMachine } from './exec.ts'
import type { ExecEvent } from './exec-events.ts'

export type ExecLife = SnapshotFrom<typeof execMachine>

export type ExecEffect = NonNullable<ExecMeta['effect']>

const beginning = initialTransition(execMachine)[0]

export const newExecLife = (): ExecLife => beginning

/** The life after `event`; unchanged if the state does not accept it. */
export const evolveExec = (life: ExecLife, event: ExecEvent): ExecLife =>
  life.can(event) ? transition(execMachine, life, event)[0] : life

export const foldExec = (events: Iterable<ExecEvent>): ExecLife => {
  let life = newExecLife()
  for (const event of events) life = evolveExec(life, event)
  return life
}

/** Whether any state of the machine has a use for events of this type. */
export const isKnownExecEvent = (type: string): boolean => knownTypes.has(type)

const knownTypes: ReadonlySet<string> = new Set(execMachine.events)

/** What the state asks for. After a crash it is done again: this is the whole of recovery. */
export const pendingExecEffect = (life: ExecLife): ExecEffect | undefined => {
  for (const meta of Object.values(life.getMeta())) if (meta?.effect !== undefined) return meta.effect
  return undefined
}
