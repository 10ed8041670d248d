/** One exec that lives: what happens is appended, the machine evolves, what its state asks for is done, until it asks for nothing more. */
import type { ExecEvent, ExecEventOf } from '../../machines/exec-events.ts'
import { type ExecEffect, type ExecLife, evolveExec, pendingExecEffect } from '../../machines/exec-life.ts'
import { conflict, TallyError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import { retryDelay } from './retry-delay.ts'

/** What goes with an event into the log. */
export interface RecordedExec {
  /** The state after it. */
  readonly life: ExecLife
  /** Its place in the stream. */
  readonly version: number
  readonly origin: Origin | undefined
}

export interface ExecLifecyclePorts {
  readonly record: (event: ExecEvent, recorded: RecordedExec) => void
  readonly perform: (effect: ExecEffect, life: ExecLife, signal: AbortSignal) => Promise<ExecEvent>
  readonly now: () => string
  /** A fault point. */
  readonly reach: (point: string) => void
  /** Calls back after so many milliseconds; the answer cancels it. */
  readonly sleep: (milliseconds: number, wake: () => void) => () => void
  readonly report: (message: string, fields: object) => void
}

export class ExecLifecycle {
  readonly #ports: ExecLifecyclePorts
  readonly #closing = new AbortController()
  readonly #listeners = new Set<(life: ExecLife) => void>()
  #life: ExecLife
  #version: number
  #origin: Origin | undefined
  #driven: Promise<void> | undefined
  /** When its last event was. */
  changedAt: string

  constructor(ports: ExecLifecyclePorts, life: ExecLife, version: number) {
    this.#ports = ports
    this.#life = life
    this.#version = version
    this.changedAt = ports.now()
  }

  get version(): number {
    return this.#version
  }

  get life(): ExecLife {
    return this.#life
  }

  /** Records the event and begins what the state asks for then. @throws TallyError conflict if the state has no use for it. */
  observe(event: ExecEvent, origin: Origin): void {
    if (!this.#life.can(event)) throw conflict(`the exec takes no ${event.type} any more`)
    this.#origin = origin
    try {
      this.#apply(event)
    } finally {
      // Whatever went wrong after the event was appended: what it asks for begins.
      this.resume()
    }
  }

  /** Goes on with what the state asks for. */
  resume(): void {
    if (pendingExecEffect(this.#life) === undefined) return
    this.#driven ??= this.#drive().finally(() => {
      this.#driven = undefined
    })
  }

  /** The first state, from the present one on, in which `holds`. */
  async until(holds: (life: ExecLife) => boolean, signal: AbortSignal): Promise<ExecLife> {
    signal.throwIfAborted()
    if (holds(this.#life)) return this.#life
    const { promise, resolve, reject } = Promise.withResolvers<ExecLife>()
    const listener = (life: ExecLife): void => {
      if (holds(life)) resolve(life)
    }
    const abort = (): void => reject(signal.reason)
    this.#listeners.add(listener)
    signal.addEventListener('abort', abort)
    return promise.finally(() => {
      this.#listeners.delete(listener)
      signal.removeEventListener('abort', abort)
    })
  }

  /** Ends what is being done without undoing anything: it goes on at the next start of the daemon. */
  async stop(): Promise<void> {
    this.#closing.abort()
    await this.#driven
  }

  #apply(event: ExecEvent): void {
    this.#ports.reach(`append.${event.type}.before`)
    const life = evolveExec(this.#life, event)
    const version = this.#version + 1
    this.#ports.record(event, { life, version, origin: this.#origin })
    this.#life = life
    this.#version = version
    this.changedAt = this.#ports.now()
    for (const listener of [...this.#listeners]) listener(life)
    this.#ports.reach(`append.${event.type}.after`)
  }

  async #drive(): Promise<void> {
    const { signal } = this.#closing
    let attempt = 0
    for (;;) {
      const effect = pendingExecEffect(this.#life)
      if (effect === undefined || signal.aborted) return
      if (await this.#step(effect)) attempt = 0
      else await this.#pause(retryDelay(++attempt))
    }
  }

  /** Whether the step was done and recorded; what was not has to be tried again. */
  async #step(effect: ExecEffect): Promise<boolean> {
    const { signal } = this.#closing
    try {
      const event = await this.#ports.perform(effect, this.#life, signal).catch((error: unknown) => {
        if (effect !== 'startExec' || signal.aborted) throw error
        return failed(error)
      })
      if (!signal.aborted) this.#apply(event)
      return true
    } catch (err) {
      if (!signal.aborted) this.#ports.report('effect of an exec failed', { effect, err })
      return false
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    const { signal } = this.#closing
    if (signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#ports.sleep(milliseconds, resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
    cancel()
  }
}

/** Whatever the reason is, in Docker an exec that could not be started has 126. */
function failed(error: unknown): ExecEventOf<'ExecFailed'> {
  const known = error instanceof TallyError ? error : undefined
  const failure = {
    code: known?.code ?? 'internal',
    message: error instanceof Error ? error.message : String(error),
    exitCode: 126,
    ...(known?.detail === undefined ? {} : { detail: known.detail }),
  }
  return { type: 'ExecFailed', failure }
}
