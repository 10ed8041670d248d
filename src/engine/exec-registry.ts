/** The execs of which something is known, each with its life; the only place where their events are written. */
import type { ExecEvent, ExecEventOf } from '../../machines/exec-events.ts'
import { type ExecLife, foldExec, newExecLife, pendingExecEffect } from '../../machines/exec-life.ts'
import { type Clock, nanoseconds } from '../clock.ts'
import type { Origin } from '../origin.ts'
import type { EventStore, MessageRows } from '../store/port.ts'
import type { Timers } from '../timers.ts'
import { type ExecEffectPorts, performExec } from './exec-effects.ts'
import { createdIn, ownerOf } from './exec-facts.ts'
import { ExecLifecycle, type RecordedExec } from './exec-lifecycle.ts'
import { projectExec, requireKnownExec } from './exec-messages.ts'
import type { Registry } from './registry.ts'

export interface ExecRegistryPorts extends Omit<ExecEffectPorts, 'specOf'> {
  readonly events: EventStore
  readonly messages: MessageRows
  readonly registry: Pick<Registry, 'get'>
  readonly clock: Clock
  readonly timers: Timers
  readonly report: (message: string, fields: object) => void
}

const prefix = 'exec/'

/** For how long an exec that is over can be looked at: in Docker it is five minutes to ten. */
const keptMilliseconds = 5 * 60_000
const keptNanoseconds = BigInt(keptMilliseconds) * 1_000_000n

export class ExecRegistry {
  readonly #ports: ExecRegistryPorts
  readonly #execs = new Map<string, ExecLifecycle>()
  #cancelSweep: (() => void) | undefined

  constructor(ports: ExecRegistryPorts) {
    this.#ports = ports
  }

  get(id: string): ExecLifecycle | undefined {
    const exec = this.#execs.get(id)
    return exec === undefined || this.#isForgotten(exec) ? undefined : exec
  }

  all(): readonly ExecLifecycle[] {
    return [...this.#execs.values()].filter((exec) => !this.#isForgotten(exec))
  }

  /** Those of the container that have a process, also if nobody may ask for them any more. */
  running(containerId: string): readonly ExecLifecycle[] {
    const all = [...this.#execs.values()]
    return all.filter(({ life }) => ownerOf(life) === containerId && life.matches('running'))
  }

  /** @returns whether the exec has not come to its end yet, also one that nobody may ask for any more. */
  isAlive(id: string): boolean {
    return this.#execs.get(id)?.life.status === 'active'
  }

  /** Folds those from the log of which something is to be done or known. Nothing begins before `resume`. @throws NewerEventError. */
  load(): void {
    for (const { stream, version } of this.#ports.events.streams(prefix)) {
      if (this.#isLongOver(stream, version)) continue
      const recorded = this.#ports.events.read<ExecEvent>(stream)
      for (const { event } of recorded) requireKnownExec(event)
      const life = foldExec(recorded.map(({ event }) => event))
      this.#keep(this.#lifecycleOf(stream.slice(prefix.length), life, version), recorded.at(-1)?.meta.time)
    }
  }

  /** The containers are there: what is to be done for execs begins. */
  resume(): void {
    for (const exec of this.#execs.values()) exec.resume()
    this.#sweep()
  }

  create(event: ExecEventOf<'ExecCreated'>, origin: Origin): void {
    const exec = this.#lifecycleOf(event.id, newExecLife(), 0)
    try {
      exec.observe(event, origin)
    } finally {
      // Whatever went wrong after the event was appended: the log has the exec.
      if (exec.version > 0) this.#keep(exec)
    }
  }

  /** Ends effects; processes go on. */
  async stop(): Promise<void> {
    this.#cancelSweep?.()
    await Promise.all([...this.#execs.values()].map((exec) => exec.stop()))
  }

  #keep(exec: ExecLifecycle, changedAt?: string): void {
    if (changedAt !== undefined) exec.changedAt = changedAt
    this.#execs.set(createdIn(exec.life).id, exec)
    this.#cancelSweep ??= this.#ports.timers.after(keptMilliseconds, () => this.#sweep())
  }

  #sweep(): void {
    for (const [id, exec] of this.#execs)
      if (pendingExecEffect(exec.life) === undefined && this.#isForgotten(exec)) this.#execs.delete(id)
    this.#cancelSweep?.()
    this.#cancelSweep = undefined
    if (this.#execs.size > 0)
      this.#cancelSweep = this.#ports.timers.after(keptMilliseconds, () => this.#sweep())
  }

  /** With its container goes what is known of an exec, and with the run one that was never started. */
  #isForgotten({ life, changedAt }: ExecLifecycle): boolean {
    const owner = this.#ports.registry.get(ownerOf(life))
    if (owner === undefined) return true
    if (life.status === 'done') return this.#isOld(changedAt)
    return (
      life.matches('created') &&
      !(owner.life.matches('running') && owner.life.context.run?.id === createdIn(life).runId)
    )
  }

  #isLongOver(stream: string, version: number): boolean {
    const [last] = this.#ports.events.read<ExecEvent>(stream, { after: version - 1 })
    return last?.event.type === 'ExecReleased' && this.#isOld(last.meta.time)
  }

  #isOld(time: string): boolean {
    return nanoseconds(this.#ports.clock.now()) - nanoseconds(time) > keptNanoseconds
  }

  #lifecycleOf(id: string, life: ExecLife, version: number): ExecLifecycle {
    const { timers, clock, faults, report } = this.#ports
    const specOf = (container: string) => this.#ports.registry.get(container)?.life.context.spec ?? undefined
    return new ExecLifecycle(
      {
        record: (event, recorded) => this.#record(id, event, recorded),
        perform: (effect, now, signal) =>
          performExec({ ...this.#ports, specOf }, { effect, life: now }, signal),
        now: () => clock.now(),
        reach: (point) => faults.reachNow(point),
        sleep: (delay, wake) => timers.after(delay, wake),
        report: (message, fields) => report(message, { exec: id, ...fields }),
      },
      life,
      version,
    )
  }

  #record(id: string, event: ExecEvent, { life, version, origin }: RecordedExec): void {
    const { events, messages } = this.#ports
    events.append<ExecEvent>({
      stream: `${prefix}${id}`,
      expectedVersion: version - 1,
      events: [event],
      ...(origin && { origin }),
      project: (recorded) => {
        for (const one of recorded) projectExec(one, life, messages)
      },
    })
  }
}
