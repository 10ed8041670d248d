/** Watches over the execs as `Audit` does over containers: their streams, how they really ended, and what is left of them. */
import type { ExecEvent, ExecEventOf } from '../../machines/exec-events.ts'
import { type ExecLife, evolveExec, newExecLife } from '../../machines/exec-life.ts'
import type { RecordedEvent } from '../../src/store/port.ts'
import type { Machine } from './machine.ts'
import type { EngineStore } from './memory-store.ts'
import { Violation } from './violation.ts'

interface Stream {
  life: ExecLife
  version: number
  /** Of its start in the log. */
  startedAt: number
}

export const execPrefix = 'exec/'

export class ExecAudit {
  readonly #machine: Machine
  readonly #streams = new Map<string, Stream>()
  /**
   * Deleted with their tasks before the log had that they run, or while nobody waited for them yet, because the log had that only after
   * the run's end: if the daemon dies then, nobody can say any more how they ended.
   */
  readonly #excused = new Set<string>()
  readonly #runHasEnded: (containerId: string, runId: string) => boolean
  #ended = 0

  /** @param hasEnded whether the log has the end of the container's run */
  constructor(machine: Machine, hasEnded: (containerId: string, runId: string) => boolean) {
    this.#machine = machine
    this.#runHasEnded = hasEnded
    machine.world.execs.onDropped = ({ execId }) => {
      if (this.#streams.get(execId)?.life.matches('running') !== true) this.#excused.add(execId)
    }
  }

  /** Execs that ran and ended. */
  get ended(): number {
    return this.#ended
  }

  /** Whether the log has the exec's start, after one position and up to another. */
  hasStarted(id: string, [after, upTo]: readonly [number, number]): boolean {
    const { startedAt = 0 } = this.#streams.get(id) ?? {}
    return startedAt > after && startedAt <= upTo
  }

  take({ stream: name, event, version, position }: RecordedEvent<ExecEvent>): void {
    const id = name.slice(execPrefix.length)
    const stream = this.#streams.get(id) ?? { life: newExecLife(), version: 0, startedAt: 0 }
    this.#streams.set(id, stream)
    const { life } = stream
    Violation.unless(7, life.can(event), () => `exec ${id} has ${event.type} in ${life.value}`)
    Violation.unless(7, version === stream.version + 1, () => `exec ${id} has no version ${version - 1}`)
    stream.life = evolveExec(life, event)
    stream.version = version
    if (event.type === 'ExecStarted') this.#noteStart(id, stream, position)
    if (event.type === 'ExecExited') this.#checkExit(id, event)
    if (event.type === 'ExecReleased') this.#checkReleased(id)
  }

  /** After a power cut: the log may have become shorter. */
  fallBack({ events }: EngineStore): void {
    this.#streams.clear()
    for (const { stream } of events.streams(execPrefix))
      for (const recorded of events.read<ExecEvent>(stream)) this.take(recorded)
  }

  /** Nothing is under way: what is said to run runs, and nothing else does. */
  checkTruth(): void {
    const { execs } = this.#machine.world
    for (const [id, { life }] of this.#streams) {
      const isSettled = ['created', 'running', 'exited', 'failed'].includes(String(life.value))
      Violation.unless(5, isSettled, () => `exec ${id} is stuck in ${life.value}`)
      const runs = life.matches('running')
      Violation.unless(5, runs === execs.isRunning(id), () => `exec ${id} is said to be ${life.value}`)
    }
    const left = execs.ids().filter((id) => this.#streams.get(id)?.life.status !== 'active')
    Violation.unless(4, left.length === 0, () => `execs left: ${left.join(', ')}`)
  }

  #noteStart(id: string, stream: Stream, position: number): void {
    stream.startedAt = position
    const { created } = stream.life.context
    if (this.#runHasEnded(created?.container.id ?? '', created?.runId ?? '')) this.#excused.add(id)
  }

  #checkExit(id: string, event: ExecEventOf<'ExecExited'>): void {
    this.#ended += 1
    const { execExits, forgotten } = this.#machine
    const real = execExits.get(id)
    const isReal = event.exitCode === real?.exitCode && event.exitedAt === real.exitedAt
    const mayBeUnknown = real === undefined || forgotten.has(id) || this.#excused.has(id)
    const isUnknown = event.exitCode === 255 && event.reason !== undefined && mayBeUnknown
    const told = (): string => `exec ${id} is said to have ended with ${JSON.stringify(event)}`
    Violation.unless(3, isReal || isUnknown, () => `${told()}, not with ${JSON.stringify(real)}`)
  }

  #checkReleased(id: string): void {
    const { execs } = this.#machine.world
    Violation.unless(4, !execs.has(id), () => `exec ${id} is released, but still there`)
  }
}
