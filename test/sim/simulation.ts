/** One simulation: takes the steps one by one, looks after everything that happens, and at the end brings all to rest. */
import { setImmediate as turn } from 'node:timers/promises'
import { TallyError } from '../../src/errors.ts'
import { Audit } from './audit.ts'
import { type Chance, chanceFrom } from './chance.ts'
import { FaultPlan, Killed } from './fault-plan.ts'
import { Machine } from './machine.ts'
import type { Medium, MediumOptions } from './medium.ts'
import { Questions } from './questions.ts'
import { checkReplay } from './replay-check.ts'
import { SimulatedDaemon } from './simulated-daemon.ts'
import type { Accident, Fall, Question, Step } from './steps.ts'
import { Violation } from './violation.ts'
import { VirtualTime } from './virtual-time.ts'

export interface SimulationOptions {
  readonly openMedium: (options: MediumOptions) => Medium
  readonly seed: number
}

export interface Outcome {
  readonly lifecycles: number
  readonly events: number
  /** What went wrong on purpose, by kind. */
  readonly faults: ReadonlyMap<string, number>
  readonly answers: ReadonlyMap<string, number>
  /** The step is the number of it, from 0; that of the end is the number of steps. */
  readonly failure: { readonly step: number; readonly error: unknown } | undefined
}

/** Milliseconds in which everything that can come to rest does: answers are late by a minute at most, what is tried again waits ten seconds. */
const longestRest = 200_000
/** Every so many-th seed the whole log is replayed at the end; the fold of each stream is compared always. */
const fullReplays = 4
/** Milliseconds until a daemon that was killed at a fault point is back. */
const usualAbsence = 10
/** Events of time in which the end has to come to rest. */
const patience = 200_000

export async function simulate(steps: readonly Step[], options: SimulationOptions): Promise<Outcome> {
  const simulation = new Simulation(options)
  let step = 0
  process.on('unhandledRejection', simulation.unhandled)
  try {
    for (; step < steps.length; step += 1) {
      await simulation.take(steps[step] as Step)
      // Lets the thread's own events in, failures that nobody heard among them: nothing of the simulation waits for them.
      if (step % 100 === 0) await turn()
    }
    await simulation.end()
    await turn()
    simulation.checkHandled()
    return simulation.outcome(undefined)
  } catch (error) {
    return simulation.outcome({ step, error })
  } finally {
    process.off('unhandledRejection', simulation.unhandled)
    simulation.dispose()
  }
}

type Run = Extract<Step, { readonly what: 'run' }>

class Simulation {
  readonly #time = new VirtualTime()
  readonly #chance: Chance
  readonly #faults = new FaultPlan()
  readonly #machine: Machine
  readonly #audit: Audit
  readonly #medium: Medium
  readonly #questions: Questions
  readonly #closing = new AbortController()
  #daemon: SimulatedDaemon | undefined
  #away = usualAbsence
  #fullDisk = false
  #unhandled: Violation | undefined
  readonly #seed: number

  constructor({ openMedium, seed }: SimulationOptions) {
    this.#seed = seed
    this.#chance = chanceFrom(seed)
    const [time, chance, faults] = [this.#time, this.#chance, this.#faults]
    this.#machine = new Machine({ time, chance, faults })
    this.#audit = new Audit(this.#machine)
    this.#medium = openMedium({ clock: time, flushing: () => time.sleep(chance.below(100) / 10) })
    const syncedHead = () => this.#medium.syncedHead
    this.#questions = new Questions({ audit: this.#audit, syncedHead, closing: this.#closing.signal })
    this.#open()
  }

  outcome(failure: Outcome['failure']): Outcome {
    const { lifecycles, events } = this.#audit
    const { answers } = this.#questions
    return { lifecycles, events, answers, faults: this.#faults.counts, failure }
  }

  async take(step: Step): Promise<void> {
    await this.#pass(step.after)
    this.#chance.reseed(step.seed)
    if (step.fault !== undefined) this.#faults.arm(step.fault)
    await this.#happen(step)
    await this.#time.settle(this.#look)
  }

  /** Nothing goes wrong any more: everything ends, is true, and leaves nothing. */
  async end(): Promise<void> {
    this.#freeFromFaults()
    await this.#calm()
    this.#crash(1)
    await this.#calm()
    const { store } = this.#present()
    for (const { id } of store.containers.list()) this.#ask({ what: 'remove', name: id, force: true })
    this.#closing.abort()
    await this.#time.rest(this.#look, patience)
    this.#checkTruth()
    if (this.#seed % fullReplays === 0) checkReplay(store)
    const { mounts, bundles, tasks, layers, volumes } = this.#machine.world
    const [named, there] = [store.volumes.list().map(({ name }) => name), [...volumes]]
    const told = () => `volumes ${named.join(', ')}, directories ${there.join(', ')}`
    const isTrue = [...named, ...there].every((name) => name === 'shared') && named.length === there.length
    Violation.unless(4, isTrue, told)
    const left = [...mounts, ...bundles, ...tasks.keys(), ...layers]
    Violation.unless(4, left.length === 0, () => `left at the end: ${left.join(', ')}`)
    const { open } = this.#questions
    Violation.unless(0, open.length === 0, () => `never answered: ${JSON.stringify(open)}`)
  }

  dispose(): void {
    this.#closing.abort()
    this.#daemon?.kill()
    void this.#medium.close().then(() => this.#medium.dispose())
  }

  /** The process would have ended. */
  readonly unhandled = (error: unknown): void => {
    this.#unhandled ??= new Violation(0, `nobody handled ${error}`, error)
  }

  checkHandled(): void {
    if (this.#unhandled !== undefined) throw this.#unhandled
  }

  readonly #look = (): Promise<void> | undefined => {
    this.checkHandled()
    if (this.#questions.violation !== undefined) throw this.#questions.violation
    const daemon = this.#daemon
    if (daemon === undefined) return undefined
    this.#audit.look(daemon)
    if (daemon.killed) return this.#bury()
    if (daemon.failure !== undefined) throw new Violation(5, `not opened: ${daemon.failure}`, daemon.failure)
    return undefined
  }

  #pass(milliseconds: number): Promise<void> {
    return this.#time.pass(milliseconds, this.#look)
  }

  async #calm(): Promise<void> {
    this.#freeFromFaults()
    await this.#pass(longestRest)
    this.#checkTruth()
  }

  #checkTruth(): void {
    this.#audit.checkTruth(this.#present())
  }

  #present(): SimulatedDaemon {
    if (this.#daemon?.running === undefined) throw new Violation(5, 'the daemon is not there')
    return this.#daemon
  }

  #freeFromFaults(): void {
    this.#faults.clear()
    this.#fullDisk = false
  }

  #open(): void {
    const store = this.#medium.open(this.#machine.bootId)
    const { events } = store
    const write = <T>(work: () => T): T => {
      if (daemon.killed) throw new Killed('the dead write nothing')
      if (!this.#fullDisk) return work()
      this.#faults.count('append to a full disk')
      throw new TallyError('unavailable', 'no space left on device: the event log cannot grow')
    }
    const daemon: SimulatedDaemon = new SimulatedDaemon({
      ...{ machine: this.#machine, time: this.#time, chance: this.#chance, faults: this.#faults },
      store: {
        ...store,
        events: {
          ...events,
          append: (append) => write(() => events.append(append)),
          saveSnapshot: (...snapshot) => write(() => events.saveSnapshot(...snapshot)),
        },
      },
    })
    this.#daemon = daemon
  }

  #crash(away: number): void {
    this.#away = away
    this.#daemon?.kill()
  }

  /** The daemon has been killed: those who were connected get no answer, and another one is started some time later. */
  async #bury(): Promise<void> {
    const away = this.#away
    this.#away = usualAbsence
    this.#daemon = undefined
    this.#questions.forget()
    await this.#medium.close()
    this.#time.after(away, () => this.#open())
  }

  async #happen(step: Step): Promise<void> {
    switch (step.what) {
      case 'crash':
      case 'crash-both':
      case 'reboot':
      case 'shutdown':
        return this.#fell(step)
      case 'kill-supervisor':
        this.#faults.count('supervisor killed')
        return this.#machine.restartSupervisor()
      case 'fill-disk':
      case 'free-disk':
        this.#fullDisk = step.what === 'fill-disk'
        return undefined
      case 'set-clock':
        this.#faults.count('clock set')
        return this.#time.setWallClock(step.by)
      case 'calm':
        return this.#calm()
      case 'run':
        return void this.#run(step)
      case 'exec':
        return this.#ask({ ...step, name: this.#runningOr(step.name) })
      case 'end':
      case 'oom':
      case 'nudge':
      case 'lose-shim':
      case 'freeze':
      case 'thaw':
        return this.#strike(step)
      default:
        return this.#ask(step)
    }
  }

  #ask(question: Question): void {
    if (this.#daemon !== undefined) void this.#questions.ask(this.#daemon, question)
  }

  /** Mostly one that runs, if there is any: few containers do for long. */
  #runningOr(name: string): string {
    const tasks = [...this.#machine.world.tasks.values()].map(({ state }) => state)
    const running = tasks.filter(({ status }) => status === 'running').map(({ id }) => id)
    return this.#chance.oneIn(8) ? name : (running[this.#chance.below(running.length)] ?? name)
  }

  /** Creates and starts, as `docker run` does. */
  async #run({ what: _, ...container }: Run): Promise<void> {
    const daemon = this.#daemon
    if (daemon === undefined) return
    const isThere = await this.#questions.ask(daemon, { ...container, what: 'create' })
    if (isThere) await this.#questions.ask(daemon, { what: 'start', name: container.name })
  }

  async #fell(step: Fall): Promise<void> {
    if (this.#daemon === undefined) return
    this.#faults.count(step.what)
    if (step.what === 'shutdown') {
      const stopped = this.#daemon.running?.stop()
      await this.#pass(50)
      void stopped?.catch(() => undefined)
    }
    this.#crash(step.away)
    if (step.what === 'crash-both') this.#machine.restartSupervisor()
    if (step.what !== 'reboot') return
    await this.#time.settle(this.#look)
    this.#machine.reboot()
    this.#medium.cutPower(step.keep)
    const store = this.#medium.open(this.#machine.bootId)
    this.#audit.fallBack(store)
    await this.#medium.close()
  }

  /** What happens to a container by itself. */
  #strike({ what, name }: Accident): void {
    const { world } = this.#machine
    const id = this.#daemon?.store.containers.byName(name)?.id ?? ''
    const status = world.tasks.get(id)?.state.status
    if (status !== 'running' && status !== 'paused') return
    this.#faults.count(what)
    if (what === 'end') world.exit(id, this.#chance.below(256))
    if (what === 'oom') world.exit(id, 137, true)
    if (what === 'nudge') world.runOutOfMemory(id)
    if (what === 'lose-shim') world.loseShim(id)
    if (what === 'freeze' || what === 'thaw') world.freeze(id, what === 'freeze')
  }
}
