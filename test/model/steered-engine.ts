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
import type { Timers } from '../../src/timers.ts'
import { createPorts, images } from '../unit/engine/create-ports.ts'
import { type Operation, World } from '../unit/engine/world.ts'
import { at } from './alphabet.ts'

interface Held {
  readonly operation: Operation
  readonly answer: PromiseWithResolvers<void>
}

interface Waiting {
  readonly delay: number
  readonly wake: () => void
}

/** The operation that an effect begins with; it is held until the effect's answer is due. */
const operationOf: Readonly<Partial<Record<EffectType, Operation>>> = {
  ...{ mountRootfs: 'mountRootfs', prepareBundle: 'prepareBundle', startShim: 'startShim' },
  ...{ awaitPid: 'awaitPid', startProcess: 'startProcess', sendSignal: 'kill' },
  ...{ release: 'delete', remove: 'removeLayers' },
}
const heldOperations = new Set(Object.values(operationOf))

/** Longer than the engine waits between attempts: only deadlines do. */
const longestRetry = 10_000
const origin = { requestId: 'model', request: 'a path' }
const clock = { now: () => at, monotonic: () => 0n }

export class SteeredEngine implements AsyncDisposable {
  readonly world = new World()
  store: Store
  #engine: Engine | undefined
  #id = ''
  #log: ContainerEvent[] = []
  #life = newLife()
  #held: Held[] = []
  #isFree = false
  #watching = 0
  #boots = 0
  #names = 0
  #gone = new AbortController()
  readonly #waiting = new Set<Waiting>()
  readonly #directory = mkdtempSync('/dev/shm/tally-model-')

  constructor() {
    this.store = this.#openStore()
    this.world.delay = () => 0
    this.world.hinder = (operation) => this.#hinder(operation)
  }

  async open(): Promise<this> {
    const { store, world, timers } = this
    const supervisor = this.#watched(this.#gone.signal)
    const workers = world.workers(this.#gone.signal, supervisor)
    const { engine } = await openEngine({
      ...{ ...store, images, workers, supervisor, clock, timers, bootId: `boot-${this.#boots}` },
      ...{ leftovers: world.remains(this.#gone.signal), cgroupParent: '/tallyman' },
      ...{ create: createPorts(store, world), random: systemRandom, faults: noFaults },
      ...{ roots: { dataRoot: '/data', execRoot: '/run' }, report: () => undefined },
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
      this.#held.filter((held) => held.operation === operation).map(() => effect as EffectType),
    )
    return [...begun, ...Array.from({ length: this.#watching }, () => 'watchProcess' as const)].sort()
  }

  /** Whether it waits for a deadline. */
  get isTimed(): boolean {
    return this.#deadlines().length > 0
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
      this.#letGo(({ operation }) => !wanted.some((type) => operationOf[type] === operation))
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
      default:
        throw new Error(`${event.type} is not asked for`)
    }
  }

  /** Takes the container away, whatever state it is in, with nothing held any more. */
  async clear(): Promise<void> {
    if (this.#id === '') return
    this.#isFree = true
    this.world.programs.delete(this.#id)
    if (!this.life().matches('removed')) void this.#removeByForce()
    await this.#until(() => {
      this.#letGo(() => true)
      for (const { wake } of this.#waiting) wake()
      this.world.exit(this.#id, 137)
      return this.life().matches('removed')
    })
    this.#waiting.clear()
    this.#isFree = false
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
        return this.#refuse(event.step, new TallyError('internal', 'no', { exitCode: 128 }))
      case 'SignalFailed':
        return this.#refuse('kill', new TallyError('not-found', 'gone'))
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
        return this.#wake(this.#deadlines())
      default:
        return this.#answerOrAsk(event)
    }
  }

  #answerOrAsk(event: ContainerEvent): void {
    const operation = broughtBy[event.type]
    if (operation === undefined) void this.ask(event).catch(() => undefined)
    else this.#letGo((held) => held.operation === operation)
  }

  async #create(): Promise<void> {
    const request = { name: this.#newName(), config: { Image: 'busybox', Cmd: ['top'] }, hostConfig: {} }
    this.#id = (await this.engine.create(request, origin)).id
    this.world.programs.set(this.#id, { survives: [9, 15] })
  }

  /** An end waits a second at most for a signal that is being sent. */
  async #passSending(): Promise<void> {
    for (let left = 3; left > 0; left -= 1) await turn()
    this.#wake([...this.#waiting].filter(({ delay }) => delay <= longestRetry))
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
    this.#letGo(() => true)
    this.#waiting.clear()
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

  readonly timers: Timers = {
    after: (delay, wake) => {
      const waiting = { delay, wake }
      this.#waiting.add(waiting)
      return () => void this.#waiting.delete(waiting)
    },
  }

  #deadlines(): readonly Waiting[] {
    return [...this.#waiting].filter(({ delay }) => delay > longestRetry)
  }

  #wake(some: readonly Waiting[]): void {
    for (const waiting of some) {
      this.#waiting.delete(waiting)
      waiting.wake()
    }
  }

  #hinder(operation: Operation): void | Promise<void> {
    if (this.#isFree) return
    // A signal thaws what is paused: here that program has ended before it could be, so that `Resumed` comes only when it is told.
    if (operation === 'resume') throw new TallyError('not-found', 'process already finished')
    if (!heldOperations.has(operation)) return
    const held = { operation, answer: Promise.withResolvers<void>() }
    this.#held.push(held)
    return held.answer.promise
  }

  #letGo(which: (held: Held) => boolean): void {
    for (const held of this.#take(which)) held.answer.resolve()
  }

  #refuse(operation: Operation, error: TallyError): void {
    for (const { answer } of this.#take((held) => held.operation === operation)) answer.reject(error)
  }

  #take(which: (held: Held) => boolean): readonly Held[] {
    const taken = this.#held.filter(which)
    this.#held = this.#held.filter((held) => !taken.includes(held))
    return taken
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
