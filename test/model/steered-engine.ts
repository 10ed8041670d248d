/**
 * The whole engine on a real store and the simulated world, steered along a path of the machine: commands come through its port, accidents
 * through the world, timers fire when told to, and whatever a worker does in the world is held until its answer is due.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { ContainerEvent } from '../../machines/container-events.ts'
import { type EffectType, evolve, type Life, newLife, pendingEffects } from '../../machines/container-life.ts'
import { openEngine } from '../../src/engine/engine.ts'
import type { Engine } from '../../src/engine/port.ts'
import { streamOf } from '../../src/engine/registry.ts'
import { TallyError } from '../../src/errors.ts'
import { noFaults } from '../../src/faults.ts'
import { systemRandom } from '../../src/random.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import { rootfsHolds } from '../../src/workers/rootfs-holds.ts'
import { createPorts, images } from '../unit/engine/create-ports.ts'
import { type Operation, World } from '../unit/engine/world.ts'
import { at } from './alphabet.ts'
import { HeldOperations } from './held-operations.ts'
import { ManualTimers } from './manual-timers.ts'

const roots = { dataRoot: '/data', execRoot: '/run' }

/** The operation that an effect begins with; it is held until the effect's answer is due. */
const operationOf: Readonly<Partial<Record<EffectType, Operation>>> = {
  ...{ mountRootfs: 'mountRootfs', prepareBundle: 'prepareBundle', startShim: 'startShim' },
  ...{ awaitPid: 'awaitPid', startProcess: 'startProcess', sendSignal: 'kill' },
  ...{ release: 'delete', remove: 'removeLayers' },
}

const origin = { requestId: 'model', request: 'a path' }
const clock = { now: () => at, monotonic: () => 0n }

export class SteeredEngine implements AsyncDisposable {
  readonly world = new World()
  store: Store
  #engine: Engine | undefined
  #id = ''
  #log: ContainerEvent[] = []
  #life = newLife()
  readonly #held = new HeldOperations(Object.values(operationOf))
  readonly #timers = new ManualTimers()
  #watching = 0
  #boots = 0
  #names = 0
  #gone = new AbortController()
  readonly #directory = mkdtempSync('/dev/shm/tally-model-')

  constructor() {
    this.store = this.#openStore()
    this.world.delay = () => 0
    this.world.hinder = this.#held.hinder
  }

  async open(): Promise<this> {
    const { store, world } = this
    const supervisor = this.#watched(this.#gone.signal)
    const workers = world.workers(this.#gone.signal, supervisor)
    const { engine } = await openEngine({
      ...{
        ...store,
        images,
        workers,
        supervisor,
        clock,
        timers: this.#timers,
        bootId: `boot-${this.#boots}`,
      },
      ...{ leftovers: world.remains(this.#gone.signal), cgroupParent: '/tallyman', validateUpdate: () => [] },
      ...{ create: createPorts(store, world), random: systemRandom, faults: noFaults },
      ...{ roots, holds: rootfsHolds(roots), report: () => undefined },
      streams: { attach: async () => ({ ended: Promise.resolve() }) },
    })
    this.#engine = engine
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#crash()
    rmSync(this.#directory, { recursive: true })
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error('the engine is not open')
    return this.#engine
  }

  /** Of the container that is being led. */
  get id(): string {
    return this.#id
  }

  /** Its log. */
  events(): readonly ContainerEvent[] {
    const stream = streamOf(this.#id)
    for (const { event } of this.store.events.read<ContainerEvent>(stream, { after: this.#log.length })) {
      this.#log.push(event)
      this.#life = evolve(this.#life, event)
    }
    return this.#log
  }

  /** What its log says. */
  life(): Life {
    this.events()
    return this.#life
  }

  /** What the engine is doing for the container, as the effects that it has begun. */
  doing(): readonly EffectType[] {
    const begun = Object.entries(operationOf).flatMap(([effect, operation]) =>
      this.#held
        .operations()
        .filter((held) => held === operation)
        .map(() => effect as EffectType),
    )
    return [...begun, ...Array.from({ length: this.#watching }, () => 'watchProcess' as const)].sort()
  }

  /** Whether it waits for a deadline. */
  get isTimed(): boolean {
    return this.#timers.hasDeadline
  }

  /** Makes `event` come about, and waits until the log has it and the engine does what its state asks for. */
  async go(event: ContainerEvent): Promise<void> {
    const before = this.events().length
    await this.#cause(event)
    await this.#until(() => this.events().length > before)
    await this.settle()
  }

  /** What is not wanted any more lets go, and what is wanted has begun. */
  async settle(): Promise<void> {
    const wanted = pendingEffects(this.life()).map(({ type }) => type)
    await this.#until(() => {
      this.#held.letGo((operation) => !wanted.some((type) => operationOf[type] === operation))
      return JSON.stringify(this.doing()) === JSON.stringify(wanted.toSorted())
    })
    await turn()
  }

  /** Asks for what is recorded as `event`. */
  ask(event: ContainerEvent): Promise<unknown> {
    const { engine, id } = this
    switch (event.type) {
      case 'StartRequested':
        return engine.start(id, origin)
      case 'StopRequested':
        return engine.stop(id, { timeoutSeconds: 100 }, origin)
      case 'RestartRequested':
        return engine.restart(id, { timeoutSeconds: 100 }, origin)
      case 'KillRequested':
        return engine.kill(id, event.signal, origin)
      case 'ContainerRenamed':
        return engine.rename(id, this.#newName(), origin)
      case 'RemoveRequested':
        return engine.remove(id, { force: event.force, volumes: event.volumes }, origin)
      case 'Attached':
        return engine.attach(id, {}, origin, AbortSignal.abort())
      case 'Detached':
        return engine.detached(id, origin)
      default:
        throw new Error(`${event.type} is not asked for`)
    }
  }

  /** Takes the container away, whatever state it is in, with nothing held any more. */
  async clear(): Promise<void> {
    if (this.#id === '') return
    this.#held.isFree = true
    this.world.programs.delete(this.#id)
    if (!this.life().matches('removed')) void this.#removeByForce()
    await this.#until(() => {
      this.#held.letGo(() => true)
      this.#timers.fireOthers()
      this.world.exit(this.#id, 137)
      return this.life().matches('removed')
    })
    this.#timers.forget()
    this.#held.isFree = false
    this.#id = ''
    this.#log = []
    this.#life = newLife()
  }

  #removeByForce(): Promise<void> {
    return this.engine.remove(this.#id, { force: true, volumes: true }, origin).catch(() => undefined)
  }

  async #cause(event: ContainerEvent): Promise<void> {
    const { world } = this
    switch (event.type) {
      case 'ContainerCreated':
        return this.#create()
      case 'StepFailed':
        return this.#held.refuse(event.step, new TallyError('internal', 'no', { exitCode: 128 }))
      case 'SignalFailed':
        return this.#held.refuse('kill', new TallyError('not-found', 'gone'))
      case 'ProcessExited':
        world.exit(this.#id, 0)
        return this.#passSending()
      case 'Paused':
      case 'Resumed':
        return world.freeze(this.#id, event.type === 'Paused')
      case 'OomKilled':
        return world.runOutOfMemory(this.#id)
      case 'HostRebooted':
        return this.#reboot()
      case 'StopDeadlinePassed':
      case 'KillDeadlinePassed':
        return this.#timers.fireDeadline()
      default:
        return this.#answerOrAsk(event)
    }
  }

  #answerOrAsk(event: ContainerEvent): void {
    const operation = broughtBy[event.type]
    if (operation === undefined) void this.ask(event).catch(() => undefined)
    else this.#held.letGo((held) => held === operation)
  }

  async #create(): Promise<void> {
    const request = { name: this.#newName(), config: { Image: 'busybox', Cmd: ['top'] }, hostConfig: {} }
    this.#id = (await this.engine.create(request, origin)).id
    this.world.programs.set(this.#id, { survives: [9, 15] })
  }

  /** An end waits a second at most for a signal that is being sent. */
  async #passSending(): Promise<void> {
    for (let left = 3; left > 0; left -= 1) await turn()
    this.#timers.fireOthers()
  }

  async #reboot(): Promise<void> {
    await this.#crash()
    this.world.reboot()
    this.#boots += 1
    this.#gone = new AbortController()
    this.store = this.#openStore()
    await this.open()
  }

  async #crash(): Promise<void> {
    this.#gone.abort()
    this.#held.letGo(() => true)
    this.#timers.forget()
    this.#watching = 0
    await this.store.close()
  }

  #openStore(): Store {
    const path = join(this.#directory, 'tallyman.db')
    return openStore({ path, clock, bootId: `boot-${this.#boots}`, onFatal: () => undefined })
  }

  #watched(gone: AbortSignal) {
    const supervisor = this.world.supervisor(gone)
    const wait: typeof supervisor.wait = async (of, signal) => {
      this.#watching += 1
      try {
        return await supervisor.wait(of, signal)
      } finally {
        if (!gone.aborted) this.#watching -= 1
      }
    }
    return { ...supervisor, wait }
  }

  #newName(): string {
    this.#names += 1
    return `name-${this.#names}`
  }

  async #until(done: () => boolean): Promise<void> {
    const end = performance.now() + patience
    while (!done() && performance.now() < end) await turn()
  }
}

/** Milliseconds after which a comparison is left to fail. */
const patience = 20_000

/** Which operation's answer is recorded as what. */
const broughtBy: Readonly<Partial<Record<ContainerEvent['type'], Operation>>> = {
  ...{ RootfsMounted: 'mountRootfs', BundlePrepared: 'prepareBundle', ShimStarted: 'startShim' },
  ...{ PidRecorded: 'awaitPid', ProcessStarted: 'startProcess', SignalSent: 'kill' },
  ...{ Released: 'delete', Removed: 'removeLayers' },
}
