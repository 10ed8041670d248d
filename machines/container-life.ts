/** The container machine as pure functions over its snapshot: fold events, ask what has to be done next, save and restore. */
import { createActor, initialTransition, type SnapshotFrom, type StateValue } from 'xstate'
import { containerMachine } from './container.ts'
import type { ContainerContext } from './container-context.ts'
import type { ContainerEvent, LaunchStep } from './container-events.ts'

export type Life = SnapshotFrom<typeof containerMachine>

/** Raised when the same events lead to other states, or to states that hold more: what was saved of another version is void. Then `npm run record:logs`. */
export const machineVersion = 2

/** What the engine has to carry out in a state. `key` names this very doing: the same key twice is the same effect. */
export type Effect =
  | {
      readonly type: LaunchStep | 'watchProcess' | 'pause' | 'resume' | 'applyLimits' | 'release' | 'remove'
      readonly key: string
      readonly runId: string
    }
  | { readonly type: 'sendSignal'; readonly key: string; readonly runId: string; readonly signal: string }

export type EffectType = Effect['type']

export interface Timer {
  readonly type: 'StopDeadlinePassed' | 'KillDeadlinePassed' | 'RestartDue'
  readonly key: string
  /** RFC 3339. */
  readonly due: string
}

export interface SavedLife {
  readonly value: StateValue
  readonly context: ContainerContext
}

export const newLife = (): Life => beginning

/** Lives are never changed, so one beginning serves all. */
const beginning = initialTransition(containerMachine)[0]

/** The life after `event`; the same object if the state does not accept it. */
export const evolve = (life: Life, event: ContainerEvent): Life =>
  containerMachine.transition(life, event, nobody)

/**
 * Who the machine believes it works for. `transition` of xstate makes such an actor anew for every event, which costs three times what the transition
 * itself does; none is ever started or told anything, so one will do.
 */
const nobody: Parameters<typeof containerMachine.transition>[2] = inertScope()

function inertScope() {
  const self = createActor(containerMachine)
  const nothing = (): void => undefined
  return {
    ...{ self, system: self.system, id: '', sessionId: '' },
    ...{ logger: nothing, defer: nothing, stopChild: nothing, emit: nothing, actionExecutor: nothing },
  }
}

/** Whether any state of the machine has a use for events of this type. One that none has was never recorded by this machine. */
export const isKnown = (type: string): boolean => knownTypes.has(type)

const knownTypes: ReadonlySet<string> = new Set(containerMachine.events)

export const fold = (events: Iterable<ContainerEvent>, from: Life = newLife()): Life => {
  let life = from
  for (const event of events) life = evolve(life, event)
  return life
}

export const save = ({ value, context }: Life): SavedLife => ({ value, context })
export const restore = (saved: SavedLife): Life => containerMachine.resolveState(saved)

/** The state as one dotted word: `launching.shim-started`; of a parallel state only its own name: `running`. */
export const milestone = (value: StateValue): string => {
  if (typeof value === 'string') return value
  const [name, inner] = Object.entries(value)[0] ?? ['', undefined]
  return typeof inner === 'string' ? `${name}.${inner}` : name
}

/** All effects that the state asks for. After a crash they are run again: this is the whole of recovery. */
export function pendingEffects(life: Life): readonly Effect[] {
  return metaOf(life).flatMap(({ effect }) => (effect === undefined ? [] : [describe(life.context, effect)]))
}

export function pendingTimer(life: Life): Timer | undefined {
  const { deadline, restarts, run } = life.context
  const type = metaOf(life).find(({ timer }) => timer !== undefined)?.timer
  const due = type === 'RestartDue' ? restarts?.due : deadline
  if (type === undefined || due === undefined || due === null) return undefined
  return { type, due, key: `${run?.id}:${type}:${due}` }
}

function describe(context: ContainerContext, type: EffectType): Effect {
  const runId = context.run?.id ?? ''
  if (type === 'applyLimits') return { type, key: `${runId}:${type}:${context.updateCount}`, runId }
  if (type !== 'sendSignal') return { type, key: `${runId}:${type}`, runId }
  const signal = context.signals[0] ?? 'SIGKILL'
  return { type, key: `${runId}:${type}:${context.signalCount}`, runId, signal }
}

const metaOf = (life: Life) => Object.values(life.getMeta()).filter((meta) => meta !== undefined)
