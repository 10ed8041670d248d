/** A daemon of the simulation: the real engine on a store and the simulated machine. It can be killed at any moment, also while it opens. */
import { type EngineOptions, openEngine, type RunningEngine } from '../../src/engine/engine.ts'
import type { Faults } from '../../src/faults.ts'
import { rootfsHolds } from '../../src/workers/rootfs-holds.ts'
import { createPorts, images } from '../unit/engine/create-ports.ts'
import { never } from '../unit/engine/world.ts'
import type { Chance } from './chance.ts'
import type { FaultPlan } from './fault-plan.ts'
import type { Machine } from './machine.ts'
import type { SimulatedStore } from './memory-store.ts'
import { SimulatedStreams } from './simulated-streams.ts'
import type { VirtualTime } from './virtual-time.ts'

const roots = { dataRoot: '/data', execRoot: '/run' }

export interface SimulatedDaemonOptions {
  readonly store: SimulatedStore
  readonly machine: Machine
  readonly time: VirtualTime
  readonly chance: Chance
  readonly faults: FaultPlan
}

export class SimulatedDaemon {
  readonly store: SimulatedStore
  /** Undefined while it opens. */
  running: RunningEngine | undefined
  /** Why it could not be opened. */
  failure: unknown
  /** What it told its log. */
  readonly reports: string[] = []
  readonly #gone = new AbortController()

  constructor(options: SimulatedDaemonOptions) {
    this.store = options.store
    void this.#open(options)
  }

  get killed(): boolean {
    return this.#gone.signal.aborted
  }

  /** Nothing that it was doing goes on, nothing is told. */
  kill(): void {
    this.#gone.abort()
  }

  async #open(options: SimulatedDaemonOptions): Promise<void> {
    try {
      this.running = await openEngine(this.#engineOptions(options))
    } catch (error) {
      this.failure = error
    }
  }

  #engineOptions({ store, machine, time, chance, faults }: SimulatedDaemonOptions): EngineOptions {
    const { signal: gone } = this.#gone
    const streams = new SimulatedStreams()
    const { bootId } = machine
    const workers = machine.workers(gone, (id) => streams.close(id))
    const { containers, events, messages } = store
    return {
      ...{ events, containers, messages, images, workers, streams, bootId },
      ...{ clock: time, random: chance, supervisor: workers.supervisor },
      roots,
      holds: rootfsHolds(roots),
      leftovers: machine.world.remains(gone),
      cgroupParent: '/tallyman',
      validateUpdate: () => [],
      create: { ...createPorts(store, machine.world), ...machine.layers(gone) },
      timers: { after: (delay, wake) => time.after(delay, () => gone.aborted || wake()) },
      faults: this.#faults(faults, time),
      report: (message) => void this.reports.push(message),
    }
  }

  #faults(plan: FaultPlan, time: VirtualTime): Faults {
    const points = plan.points(
      () => this.kill(),
      (milliseconds) => time.sleep(milliseconds),
    )
    return {
      reach: (point) => (this.killed ? never() : points.reach(point)),
      reachNow: (point) => points.reachNow(point),
    }
  }
}
