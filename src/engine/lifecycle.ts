/**
 * One container's life as it happens: an event is appended, the state follows it, the effects of the new state begin and those of the
 * old one are aborted, and what the workers answer comes back as events. Appending is synchronous, so events of one container are serial.
 */
import type { ContainerEvent } from '../../machines/container-events.ts'
import {
  type Effect,
  type EffectType,
  evolve,
  type Life,
  pendingEffects,
  pendingTimer,
  type Timer,
} from '../../machines/container-life.ts'
import { TallyError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import { type ContainerCommand, type Decision, decide } from './decide.ts'
import { retryDelay } from './retry-delay.ts'
import { Witnessed } from './witnessed.ts'

export interface LifecyclePorts {
  /** Appends the event with its projections; `life` is the state after it. Returns the event's position. */
  record(event: ContainerEvent, context: RecordContext): number
  /** Carries the effect out and answers with what to record. */
  perform(effect: Effect, life: Life, signal: AbortSignal): Promise<readonly ContainerEvent[]>
  /** A fault point. */
  reach(point: string): void
  /** Calls back at an RFC 3339 time. Returns the canceller. */
  sleepUntil(time: string, wake: () => void): () => void
  /** Calls back after a delay in ms. Returns the canceller. */
  sleep(delay: number, wake: () => void): () => void
  timerEvent(timer: Timer): ContainerEvent
  report(message: string, fields: object): void
}

export interface RecordContext {
  readonly life: Life
  readonly version: number
  readonly origin: Origin | undefined
  readonly causationId: number | undefined
}

interface RunningEffect {
  readonly type: EffectType
  readonly controller: AbortController
  readonly done: Promise<void>
}

const launchSteps = ['mountRootfs', 'prepareBundle', 'startShim', 'awaitPid', 'startProcess'] as const
const longestSending = 1_000
/** Why effects are aborted. One for all: making an error for each costs as much as the transition that it follows. */
const unwanted = new Error('no longer wanted')

export class Lifecycle {
  readonly #ports: LifecyclePorts
  #life: Life
  #version: number
  /** Why the present state was entered: goes on to the events that its effects bring. */
  #cause: { readonly origin: Origin | undefined; readonly position: number | undefined }
  readonly #running = new Map<string, RunningEffect>()
  readonly #aborted = new Set<Promise<void>>()
  readonly #listeners = new Set<(life: Life, event: ContainerEvent) => void>()
  readonly #commands = new Set<AbortController>()
  readonly #attempts = new Map<string, number>()
  readonly #witnessed: Witnessed
  #timer: { readonly key: string; readonly cancel: () => void } | undefined
  #stopped = false

  constructor(ports: LifecyclePorts, life: Life, version: number) {
    this.#ports = ports
    this.#life = life
    this.#version = version
    this.#cause = { origin: undefined, position: undefined }
    this.#witnessed = new Witnessed({
      record: (event) => void this.#observe(event, undefined),
      sleep: (delay, wake) => ports.sleep(delay, wake),
      report: (message, fields) => ports.report(message, fields),
      refused: (error) => this.#refuseCommands(error),
    })
  }

  get life(): Life {
    return this.#life
  }

  /** Of the newest event of the stream. */
  get version(): number {
    return this.#version
  }

  /** Begins whatever the state asks for. Called once after the container was created or its log folded. */
  resume(): void {
    this.#reconcile()
  }

  /** Decides the command now. A `record` decision has been recorded when this returns. */
  command(command: ContainerCommand, origin: Origin): Decision {
    this.#witnessed.flush()
    const decision = decide(this.#life, command)
    if (decision.kind === 'record') this.#apply(decision.event, origin, undefined)
    return decision
  }

  /** Records what the world did by itself, as soon as the log can take it; what the state does not accept is stale and dropped. */
  witness(makeEvent: () => ContainerEvent): void {
    this.#witnessed.add(makeEvent)
  }

  /** Records an event now. @returns false if the state does not accept it. */
  observe(event: ContainerEvent, origin?: Origin): boolean {
    this.#witnessed.flush()
    return this.#observe(event, origin)
  }

  #observe(event: ContainerEvent, origin: Origin | undefined): boolean {
    if (this.#stopped || !this.#life.can(event)) return false
    this.#apply(event, origin, undefined)
    return true
  }

  /**
   * Resolves with the first defined answer of `probe`, asked now and after every event; rejects with what it throws,
   * or when `signal` aborts.
   */
  until<T>(probe: (life: Life, event?: ContainerEvent) => T | undefined, signal?: AbortSignal): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const leave = (): void => {
      this.#listeners.delete(ask)
      signal?.removeEventListener('abort', abort)
    }
    const abort = (): void => {
      leave()
      reject(signal?.reason)
    }
    const ask = (life: Life, event?: ContainerEvent): void => {
      try {
        const answer = probe(life, event)
        if (answer === undefined) return
        resolve(answer)
      } catch (error) {
        reject(error)
      }
      leave()
    }
    this.#listeners.add(ask)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted === true) abort()
    else ask(this.#life)
    return promise
  }

  /** As `until`, for commands: rejects also when the log can't take what happens, instead of waiting for as long as that lasts. */
  async untilRecorded<T>(probe: (life: Life, event?: ContainerEvent) => T | undefined): Promise<T> {
    const controller = new AbortController()
    this.#commands.add(controller)
    try {
      return await this.until(probe, controller.signal)
    } finally {
      this.#commands.delete(controller)
    }
  }

  /** Ends all effects without undoing anything: what is pending goes on at the next start of the daemon. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    this.#witnessed.stop()
    const effects = [...this.#running.values()]
    for (const { controller } of effects) controller.abort()
    await Promise.all([...effects.map(({ done }) => done), ...this.#aborted])
  }

  #apply(event: ContainerEvent, origin: Origin | undefined, causationId: number | undefined): void {
    this.#ports.reach(`append.${event.type}.before`)
    const life = evolve(this.#life, event)
    const version = this.#version + 1
    const position = this.#ports.record(event, { life, version, origin, causationId })
    this.#life = life
    this.#version = version
    this.#cause = { origin: origin ?? this.#cause.origin, position }
    for (const listener of [...this.#listeners]) listener(life, event)
    this.#reconcile()
    this.#ports.reach(`append.${event.type}.after`)
  }

  #reconcile(): void {
    if (this.#stopped) return
    const wanted = pendingEffects(this.#life)
    const keys = new Set(wanted.map(({ key }) => key))
    for (const [key, effect] of this.#running) if (!keys.has(key)) this.#abort(key, effect)
    for (const effect of wanted) if (!this.#running.has(effect.key)) this.#begin(effect)
    this.#setTimer()
  }

  #abort(key: string, { controller, done }: RunningEffect): void {
    this.#running.delete(key)
    this.#attempts.delete(key)
    this.#aborted.add(done)
    void done.then(() => this.#aborted.delete(done))
    controller.abort(unwanted)
  }

  /** An effect waits until those aborted before it have let go, so that two never work on the same container. */
  #begin(effect: Effect): void {
    const controller = new AbortController()
    const before = [...this.#aborted]
    const done = Promise.all(before).then(() => this.#carryOut(effect, controller.signal))
    this.#running.set(effect.key, { type: effect.type, controller, done })
  }

  async #carryOut(effect: Effect, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const events = await this.#perform(effect, signal)
    if (effect.type === 'watchProcess') await this.#signalsSent()
    if (signal.aborted) return
    if (events !== undefined) this.#settle(effect, events)
    if (!this.#stopped && !signal.aborted) this.#retryLater(effect)
  }

  /** What ended a process is recorded before its end, as Docker tells `kill` before `die`; but an end never waits long for it. */
  async #signalsSent(): Promise<void> {
    const sending = [...this.#running.values()].filter(({ type }) => type === 'sendSignal')
    if (sending.length === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#ports.sleep(longestSending, resolve)
    await Promise.race([promise, ...sending.map(({ done }) => done)])
    cancel()
  }

  /** The events that the effect brought, its failure among them; undefined if it has to be tried again. */
  async #perform(effect: Effect, signal: AbortSignal): Promise<readonly ContainerEvent[] | undefined> {
    try {
      return await this.#ports.perform(effect, this.#life, signal)
    } catch (error) {
      if (signal.aborted) return undefined
      this.#ports.report('effect failed', { effect: effect.type, run: effect.runId, err: error })
      const event = failureEvent(effect, error)
      return event && [event]
    }
  }

  /** Records what the effect brought. An effect that has brought what its state waits for is aborted by that. */
  #settle(effect: Effect, events: readonly ContainerEvent[]): void {
    const { origin, position } = this.#cause
    try {
      this.#witnessed.flush()
      for (const event of events)
        if (!this.#stopped && this.#life.can(event)) this.#apply(event, origin, position)
    } catch (err) {
      this.#ports.report('event not recorded', { effect: effect.type, run: effect.runId, err })
      this.#refuseCommands(err)
    }
  }

  #refuseCommands(error: unknown): void {
    if (!(error instanceof TallyError && error.code === 'unavailable')) return
    const message = `${error.message}; what was begun goes on when it can`
    const refusal = new TallyError('unavailable', message, { cause: error })
    for (const controller of this.#commands) controller.abort(refusal)
  }

  /** What the state still asks for must succeed in the end, so it is tried again. */
  #retryLater(effect: Effect): void {
    const attempt = (this.#attempts.get(effect.key) ?? 0) + 1
    this.#attempts.set(effect.key, attempt)
    const controller = new AbortController()
    const done = new Promise<void>((resolve) => {
      const cancel = this.#ports.sleep(retryDelay(attempt), resolve)
      controller.signal.addEventListener('abort', () => {
        cancel()
        resolve()
      })
    }).then(() => this.#carryOut(effect, controller.signal))
    this.#running.set(effect.key, { type: effect.type, controller, done })
  }

  #setTimer(): void {
    const timer = pendingTimer(this.#life)
    if (timer?.key === this.#timer?.key) return
    this.#timer?.cancel()
    this.#timer = timer && {
      key: timer.key,
      cancel: this.#ports.sleepUntil(timer.due, () => this.witness(() => this.#ports.timerEvent(timer))),
    }
  }
}

const refusedBy: Partial<Record<EffectType, 'PauseFailed' | 'ResumeFailed' | 'LimitsRefused'>> = {
  pause: 'PauseFailed',
  resume: 'ResumeFailed',
  applyLimits: 'LimitsRefused',
}

/** The event that records a failure of `effect`, or undefined if the effect has to be tried again. */
function failureEvent(effect: Effect, error: unknown): ContainerEvent | undefined {
  const message = error instanceof Error ? error.message : String(error)
  const known = error instanceof TallyError ? error : undefined
  if (effect.type === 'sendSignal') {
    const { runId, signal } = effect
    return { type: 'SignalFailed', runId, signal, message, ...(known && { code: known.code }) }
  }
  const refused = refusedBy[effect.type]
  if (refused !== undefined) return { type: refused, runId: effect.runId, message }
  const step = launchSteps.find((name) => name === effect.type)
  if (step === undefined) return undefined
  const failure = {
    code: known?.code ?? 'internal',
    message,
    exitCode: known?.exitCode ?? 128,
    ...(known?.detail === undefined ? {} : { detail: known.detail }),
  }
  return { type: 'StepFailed', runId: effect.runId, step, failure }
}
