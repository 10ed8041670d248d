/** Leads the engine's own Lifecycle along a path of events: commands are asked, timers fire, effects are answered, the world speaks up. */
import { setImmediate as turn } from 'node:timers/promises'
import type { ContainerEvent, ContainerEventType } from '../../machines/container-events.ts'
import {
  type Effect,
  type EffectType,
  type Life,
  newLife,
  type Timer,
} from '../../machines/container-life.ts'
import { type ContainerCommand, decide } from '../../src/engine/decide.ts'
import { Lifecycle } from '../../src/engine/lifecycle.ts'
import { TallyError } from '../../src/errors.ts'
import { at } from './alphabet.ts'

interface Performance {
  readonly effect: Effect
  readonly answer: (events: readonly ContainerEvent[]) => void
  readonly fail: (error: unknown) => void
}

const origin = { requestId: 'model', request: 'a path' }

/** Which effect brings which event. */
const broughtBy: Partial<Record<ContainerEventType, EffectType>> = {
  RootfsMounted: 'mountRootfs',
  BundlePrepared: 'prepareBundle',
  ShimStarted: 'startShim',
  PidRecorded: 'awaitPid',
  ProcessStarted: 'startProcess',
  SignalSent: 'sendSignal',
  SignalFailed: 'sendSignal',
  ProcessExited: 'watchProcess',
  PauseFailed: 'pause',
  ResumeFailed: 'resume',
  LimitsApplied: 'applyLimits',
  LimitsRefused: 'applyLimits',
  Released: 'release',
  Removed: 'remove',
}

const timers: ReadonlySet<ContainerEventType> = new Set([
  'StopDeadlinePassed',
  'KillDeadlinePassed',
  'RestartDue',
])

const failures: ReadonlySet<ContainerEventType> = new Set([
  'SignalFailed',
  'PauseFailed',
  'ResumeFailed',
  'LimitsRefused',
])

/** The command that is recorded as `event`, if it is a command's. */
export function commandOf(event: ContainerEvent): ContainerCommand | undefined {
  switch (event.type) {
    case 'StartRequested':
      return { type: 'start', runId: event.runId }
    case 'StopRequested': {
      const { signal, timeoutSeconds, deadline } = event
      return { type: 'stop', signal, timeoutSeconds, deadline }
    }
    case 'RestartRequested': {
      const { runId, signal, timeoutSeconds, deadline } = event
      return { type: 'restart', runId, signal, timeoutSeconds, deadline }
    }
    case 'KillRequested':
      return { type: 'kill', signal: event.signal, ref: 'n' }
    case 'PauseRequested':
      return { type: 'pause' }
    case 'ResumeRequested':
      return { type: 'unpause' }
    case 'UpdateRequested':
      return { type: 'update', update: event.hostConfig }
    case 'ContainerRenamed':
      return { type: 'rename', name: event.name }
    case 'RemoveRequested': {
      const { force, volumes, killDeadline } = event
      return { type: 'remove', force, volumes, killDeadline }
    }
    default:
      return undefined
  }
}

/** Whether the engine can be led over this edge: a command that it refuses or lets wait is no way. */
export function isPassable(life: Life, event: ContainerEvent): boolean {
  const command = commandOf(event)
  return command === undefined || decide(life, command).kind === 'record'
}

export class Walker {
  readonly log: ContainerEvent[] = []
  readonly lifecycle: Lifecycle
  /** Effects that are being carried out, by their keys. */
  readonly performances = new Map<string, Performance>()
  timer: Timer | undefined
  readonly #sleeps = new Set<() => void>()
  #due: (() => void) | undefined

  constructor() {
    this.lifecycle = new Lifecycle(
      {
        record: (event) => this.log.push(event),
        perform: (effect, _, signal) => this.#perform(effect, signal),
        reach: () => undefined,
        sleep: (_, wake) => {
          this.#sleeps.add(wake)
          return () => void this.#sleeps.delete(wake)
        },
        sleepUntil: (_, wake) => {
          this.#due = wake
          return () => {
            if (this.#due === wake) this.#due = undefined
          }
        },
        timerEvent: ({ type }) => {
          if (type === 'RestartDue') return { type, runId: 'run-d' }
          return type === 'KillDeadlinePassed' ? { type } : { type, killDeadline: at }
        },
        report: () => undefined,
      },
      newLife(),
      0,
    )
  }

  get isTimed(): boolean {
    return this.#due !== undefined
  }

  /** Makes `event` happen in the way in which it comes about. @throws Error if the engine does not let it. */
  async go(event: ContainerEvent): Promise<void> {
    const before = this.log.length
    this.#begin(event)
    await turn()
    // What waits for a signal to be sent first is let go after its time.
    if (this.log.length === before) for (const wake of [...this.#sleeps]) wake()
    if (this.log.length === before) await turn()
    if (this.log.length !== before + 1)
      throw new Error(`${event.type} brought ${this.log.length - before} events`)
  }

  #begin(event: ContainerEvent): void {
    const command = commandOf(event)
    const effect = event.type === 'StepFailed' ? event.step : broughtBy[event.type]
    if (event.type === 'ContainerCreated') this.lifecycle.observe(event, origin)
    else if (command !== undefined) this.lifecycle.command(command, origin)
    else if (timers.has(event.type)) this.#due?.()
    else if (effect === undefined) this.lifecycle.witness(() => event)
    else this.#settle(effect, event)
  }

  #settle(type: EffectType, event: ContainerEvent): void {
    const performance = [...this.performances.values()].find(({ effect }) => effect.type === type)
    if (performance === undefined) throw new Error(`${event.type}: no ${type} is being carried out`)
    this.performances.delete(performance.effect.key)
    if (event.type === 'StepFailed') performance.fail(new TallyError('internal', 'no', { exitCode: 128 }))
    else if (failures.has(event.type))
      performance.fail(new Error(event.type === 'SignalFailed' ? 'gone' : 'no'))
    else performance.answer([event])
  }

  #perform(effect: Effect, signal: AbortSignal): Promise<readonly ContainerEvent[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly ContainerEvent[]>()
    this.performances.set(effect.key, { effect, answer: resolve, fail: reject })
    signal.addEventListener('abort', () => {
      this.performances.delete(effect.key)
      reject(signal.reason)
    })
    return promise
  }
}
