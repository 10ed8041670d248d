/**
 * Watches over what must always hold, from outside the engine: it folds the log itself as it grows, knows what really happened on the machine, and
 * looks after everything that happens whether the two and what the API shows agree. Numbers are those of the invariants in the design.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ContainerEvent } from '../../machines/container-events.ts'
import { evolve, type Life, milestone, newLife, save } from '../../machines/container-life.ts'
import type { ExecEvent } from '../../machines/exec-events.ts'
import { streamOf } from '../../src/engine/registry.ts'
import type { RecordedEvent } from '../../src/store/port.ts'
import type { ExitStatus, TaskSpec } from '../../src/supervisor/port.ts'
import { ExecAudit, execPrefix } from './exec-audit.ts'
import type { Machine } from './machine.ts'
import type { EngineStore, SimulatedStore } from './memory-store.ts'
import type { SimulatedDaemon } from './simulated-daemon.ts'
import { Violation } from './violation.ts'

interface Stream {
  life: Life
  version: number
  /** What was recorded, and where in the log. */
  readonly facts: { readonly type: ContainerEvent['type']; readonly position: number }[]
  /** Runs of which the log has these. */
  readonly shims: Set<string>
  readonly starts: Set<string>
  readonly ends: Set<string>
  /** A root file system was mounted and not yet released. */
  mounted: boolean
  /** What a client that waits may be told. */
  readonly exitCodes: Set<number>
}

const atRest = new Set(['restarting', 'created', 'exited', 'oom-killed', 'failed', 'removed'])

/** A container whose policy starts it again and again is on its way at any time. */
const startsAgain = ({ context: { spec } }: Life): boolean =>
  (spec?.hostConfig.RestartPolicy.Name ?? 'no') !== 'no'

export class Audit {
  readonly execs: ExecAudit
  readonly #machine: Machine
  readonly #streams = new Map<string, Stream>()
  readonly #alive = new Map<string, string>()
  #position = 0
  #lifecycles = 0
  #events = 0

  constructor(machine: Machine) {
    this.#machine = machine
    this.execs = new ExecAudit(machine, (id, runId) => this.#streams.get(id)?.ends.has(runId) === true)
    machine.onBegan = (spec) => this.#began(spec)
    machine.onEnded = (spec, exit) => this.#ended(spec, exit)
  }

  /** Runs that began and ended, and containers that came and went without one. */
  get lifecycles(): number {
    return this.#lifecycles
  }

  get events(): number {
    return this.#events
  }

  /** Whether the log has an event of this type of the container, after one position and up to another. */
  has(id: string, type: ContainerEvent['type'], [after, upTo]: readonly [number, number]): boolean {
    const { facts = [] } = this.#streams.get(id) ?? {}
    return facts.some((fact) => fact.type === type && fact.position > after && fact.position <= upTo)
  }

  exitCodes(id: string): ReadonlySet<number> {
    return this.#streams.get(id)?.exitCodes ?? new Set()
  }

  /** Looks at what is new. */
  look({ store }: SimulatedDaemon): void {
    if (store.events.head() === this.#position) return
    const touched = new Set<string>()
    for (const recorded of store.events.readAll({ after: this.#position })) {
      this.#events += 1
      if (recorded.stream.startsWith(execPrefix)) this.execs.take(recorded as RecordedEvent<ExecEvent>)
      this.#position = recorded.position
      if (!recorded.stream.startsWith('container/')) continue
      const id = recorded.stream.slice('container/'.length)
      this.#take(id, recorded as RecordedEvent<ContainerEvent>)
      touched.add(id)
    }
    for (const id of touched) {
      this.#checkRow(store, id)
      this.#checkRest(id)
    }
  }

  /** After a power cut: the log may have become shorter. */
  fallBack(store: EngineStore): void {
    const { events } = store
    this.#alive.clear()
    this.execs.fallBack(store)
    this.#position = Math.min(this.#position, events.head())
    const versions = new Map(events.streams('container/').map(({ stream, version }) => [stream, version]))
    for (const [id, { version }] of this.#streams) {
      if (version === versions.get(streamOf(id))) continue
      this.#streams.delete(id)
      for (const recorded of events.read<ContainerEvent>(streamOf(id))) this.#take(id, recorded)
    }
  }

  /** Nothing is under way and nothing goes wrong: the log has to say what is true, and the API what the log says. */
  checkTruth({ store, running }: SimulatedDaemon): void {
    const alive = store.containers.list().map(({ id }) => id)
    for (const id of alive) this.#checkTruthOf(id, running?.engine.get(id).milestone)
    this.execs.checkTruth()
    const { world, unremoved } = this.#machine
    const missing = alive.filter((id) => !world.layers.has(id))
    const left = [...world.layers].filter((id) => !alive.includes(id) && !unremoved.has(id))
    const told = (): string => `layers left: ${left.join(', ')}; missing: ${missing.join(', ')}`
    Violation.unless(4, left.length + missing.length === 0, told)
  }

  #checkTruthOf(id: string, shown: string | undefined): void {
    const life = this.#streams.get(id)?.life ?? newLife()
    const task = this.#machine.world.tasks.get(id)?.state
    const word = milestone(life.value)
    Violation.unless(1, shown === word, () => `${id} is ${word}, but shown as ${shown}`)
    const isSettled = atRest.has(word) || word === 'running' || startsAgain(life)
    Violation.unless(5, isSettled, () => `${id} is stuck in ${word}`)
    this.#checkRest(id)
    if (word !== 'running') return
    const runs =
      task?.runId === life.context.run?.id && (task?.status === 'running' || task?.status === 'paused')
    Violation.unless(5, runs, () => `${id} is said to run, but its task is ${JSON.stringify(task)}`)
    const isPaused = life.matches({ running: { freezer: 'paused' } })
    const agrees = this.#machine.untold.has(id) || isPaused === (task?.status === 'paused')
    Violation.unless(
      5,
      agrees,
      () => `${id} is ${task?.status}, but said to be ${isPaused ? '' : 'not '}paused`,
    )
  }

  #take(id: string, { event, version, position }: RecordedEvent<ContainerEvent>): void {
    const stream = this.#streams.get(id) ?? newStream()
    this.#streams.set(id, stream)
    Violation.unless(
      7,
      stream.life.can(event),
      () => `${id} has ${event.type} in ${milestone(stream.life.value)}`,
    )
    Violation.unless(7, version === stream.version + 1, () => `${id} has no version ${stream.version + 1}`)
    const before = stream.life
    stream.life = evolve(before, event)
    stream.version = version
    stream.facts.push({ type: event.type, position })
    this.#note(stream, before, event)
  }

  #note(stream: Stream, before: Life, event: ContainerEvent): void {
    switch (event.type) {
      case 'RootfsMounted':
        Violation.unless(2, !stream.mounted, () => `run ${event.runId} begins while another is not released`)
        stream.mounted = true
        return
      case 'Released':
        stream.mounted = false
        return
      case 'ShimStarted':
        stream.shims.add(event.runId)
        return
      case 'ProcessStarted':
        once(2, stream.starts, event.runId)
        return
      case 'StepFailed':
        stream.exitCodes.add(event.failure.exitCode)
        return
      case 'ProcessExited':
        this.#checkExit(event)
        this.#endRun(stream, event.runId, event.exitCode)
        return
      case 'HostRebooted':
        if (before.matches('running')) this.#endRun(stream, before.context.run?.id ?? '', 255)
        return
      case 'Removed':
        if (stream.starts.size === 0) this.#lifecycles += 1
        return
      default:
        return
    }
  }

  #endRun(stream: Stream, runId: string, exitCode: number): void {
    once(3, stream.ends, runId)
    stream.exitCodes.add(exitCode)
    this.#lifecycles += 1
  }

  #checkExit(event: Extract<ContainerEvent, { type: 'ProcessExited' }>): void {
    const { exits, forgotten } = this.#machine
    const real = exits.get(event.runId)
    const isReal = event.exitCode === real?.exitCode && event.exitedAt === real.exitedAt
    const isUnknown = event.exitCode === 255 && event.reason !== undefined
    const isTrue = isReal || (isUnknown && (real === undefined || forgotten.has(event.runId)))
    const told = (): string => `run ${event.runId} is said to have ended with ${JSON.stringify(event)}`
    Violation.unless(3, isTrue, () => `${told()}, not with ${JSON.stringify(real)}`)
  }

  #checkRow(store: SimulatedStore, id: string): void {
    const stream = this.#streams.get(id)
    const row = store.row(id)
    if (stream === undefined) return
    const state = JSON.stringify(save(stream.life))
    const isSame = row?.version === stream.version && sameJson(row.state, state)
    Violation.unless(
      1,
      isSame,
      () => `the row of ${id} is ${JSON.stringify(row)}, not of ${stream.version}: ${state}`,
    )
  }

  #checkRest(id: string): void {
    const life = this.#streams.get(id)?.life
    const word = milestone(life?.value ?? 'absent')
    if (!atRest.has(word)) return
    const { world } = this.#machine
    const left = [...world.leftovers(id), ...(word === 'removed' && world.layers.has(id) ? ['layer'] : [])]
    Violation.unless(4, left.length === 0, () => `${id} is ${word} and left ${left.join(', ')}`)
  }

  #began({ id, runId }: TaskSpec): void {
    const stream = this.#streams.get(id)
    const others = this.#alive.get(id)
    Violation.unless(2, others === undefined, () => `${id} has two processes: ${others} and ${runId}`)
    Violation.unless(2, stream?.shims.has(runId) === true, () => `${id} has a process without a shim`)
    const isWanted =
      stream?.life.context.run?.id === runId && stream.life.context.run.outcome?.kind !== 'exited'
    Violation.unless(2, isWanted, () => `${id} has a process of run ${runId}, which nobody wants`)
    this.#alive.set(id, runId)
  }

  #ended({ id }: TaskSpec, _: ExitStatus): void {
    this.#alive.delete(id)
  }
}

/** Compares the texts first: parsing costs more. What was restored from its text may have its fields in another order. */
const sameJson = (a: string, b: string): boolean => a === b || isDeepStrictEqual(JSON.parse(a), JSON.parse(b))

const newStream = (): Stream => ({
  ...{ life: newLife(), version: 0, facts: [], mounted: false },
  ...{ shims: new Set(), starts: new Set(), ends: new Set() },
  // Of a start that was cancelled, and of a container that never ran.
  exitCodes: new Set([137, 0]),
})

function once(invariant: number, runs: Set<string>, runId: string): void {
  Violation.unless(invariant, !runs.has(runId), () => `run ${runId} is recorded twice`)
  runs.add(runId)
}
