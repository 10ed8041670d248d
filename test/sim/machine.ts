/**
 * The machine that the simulated daemon runs on: the world of mounts, bundles, layers and tasks, with programs that end when their time has come,
 * and answers that fail, get lost, come late or twice.
 */
import type { ContainerEvent } from '../../machines/container-events.ts'
import type { EffectWorkers } from '../../src/engine/effects.ts'
import { TallyError } from '../../src/errors.ts'
import type { ExecSpec, ExitStatus, TaskSpec } from '../../src/supervisor/port.ts'
import type { Worker } from '../../src/workers/worker.ts'
import { never, World } from '../unit/engine/world.ts'
import type { Chance } from './chance.ts'
import type { Call, FaultPlan } from './fault-plan.ts'
import { programIn, programOf, type SimulatedProgram } from './program.ts'
import { connect, type SimulatedSupervisor, startSupervisor } from './simulated-supervisor.ts'
import type { VirtualTime } from './virtual-time.ts'

export interface MachineOptions {
  readonly time: VirtualTime
  readonly chance: Chance
  readonly faults: FaultPlan
}

/** Milliseconds that an answer may be late. */
const longestDelay = 60_000

export class Machine {
  readonly world = new World()
  /** How each run that began really ended, by run id: what the log has to say. */
  readonly exits = new Map<string, ExitStatus>()
  /** The same of execs, by their ids. */
  readonly execExits = new Map<string, ExitStatus>()
  /** Runs and execs that ended before the machine was rebooted: if the log does not have it yet, nobody knows any more how. */
  readonly forgotten = new Set<string>()
  /** Containers of whose being paused or resumed the engine was not told. */
  readonly untold = new Set<string>()
  /** Containers whose creation and its taking back both failed: their layers stay until the daemon starts again. */
  readonly unremoved = new Set<string>()
  onBegan: (spec: TaskSpec) => void = () => undefined
  onEnded: (spec: TaskSpec, exit: ExitStatus) => void = () => undefined
  readonly #options: MachineOptions
  readonly #programs = new Map<string, SimulatedProgram>()
  #boots = 1
  #daemons = 0
  /** When the last of what tasks did by themselves was told. */
  #told = 0
  #supervisor: SimulatedSupervisor

  constructor(options: MachineOptions) {
    this.#options = options
    const { world } = this
    world.turn = () => this.#pause()
    world.now = () => options.time.now()
    world.started = () => options.time.now()
    world.onStarted = (spec) => this.#began(spec)
    world.onExited = (spec, exit) => {
      this.exits.set(spec.runId, exit)
      this.onEnded(spec, exit)
    }
    world.execs.onStarted = (spec) => this.#execBegan(spec)
    world.execs.onExited = ({ execId }, exit) => void this.execExits.set(execId, exit)
    world.pass = ({ id }, deliver) => this.#passOn(id, deliver)
    this.#supervisor = startSupervisor(world)
  }

  get bootId(): string {
    return `boot-${this.#boots}`
  }

  /** The supervisor is killed; the tasks live on. */
  restartSupervisor(): void {
    this.#supervisor.die()
    this.#supervisor = startSupervisor(this.world)
  }

  reboot(): void {
    this.#boots += 1
    for (const id of [...this.exits.keys(), ...this.execExits.keys()]) this.forgotten.add(id)
    this.restartSupervisor()
    this.world.reboot()
  }

  /** The hands of one daemon: what it asked the supervisor for is done also when it is `gone`; what it does itself is not. */
  workers(gone: AbortSignal, onReleased: (id: string) => void): EffectWorkers {
    this.#daemons += 1
    this.#told = 0
    this.untold.clear()
    this.unremoved.clear()
    const answer = <T>(call: Call, work: () => Promise<T>) => this.answer(gone, call, work)
    const current = () => this.#supervisor
    const supervisor = connect({ current, gone, answer, pause: () => this.#pause() })
    const { launch, applyLimits, remove, exec } = this.world.workers(gone, supervisor)
    const reported = (worker: Worker): Worker => this.#reported(worker)
    return {
      supervisor,
      launch: {
        mountRootfs: reported(answering(answer, ['mountRootfs', 'unmount'], launch.mountRootfs)),
        prepareBundle: reported(
          answering(answer, ['prepareBundle', 'dropBundle'], this.#learning(launch.prepareBundle)),
        ),
        startShim: reported(closing(onReleased, launch.startShim)),
        awaitPid: reported(launch.awaitPid),
        startProcess: reported(launch.startProcess),
      },
      exec,
      applyLimits: (job) => answer('applyLimits', () => applyLimits(job)),
      remove: (id) => answer('remove', () => remove(id)),
    }
  }

  /** The layers of containers, made and removed by the daemon itself. */
  layers(gone: AbortSignal) {
    const { layers } = this.world
    const after = async (work: () => void): Promise<void> => {
      await this.#pause()
      if (!gone.aborted) work()
    }
    return {
      makeLayers: (id: string) => this.answer(gone, 'makeLayers', () => after(() => void layers.add(id))),
      removeLayers: (id: string) => {
        const removed = this.answer(gone, 'removeLayers', () => after(() => void layers.delete(id)))
        removed.catch(() => this.unremoved.add(id))
        return removed
      },
    }
  }

  /** Calls the world, with whatever was planned to go wrong. Once `gone` is aborted there is no answer. */
  async answer<T>(gone: AbortSignal, call: Call, work: () => Promise<T>): Promise<T> {
    if (gone.aborted) return never()
    const { time, chance, faults } = this.#options
    const mishap = faults.ofCall(call)
    if (mishap === 'fail') await this.#fail(gone, call)
    let result = await work()
    if (mishap === 'repeat' && !gone.aborted) result = await work()
    if (mishap === 'late') await time.sleep(chance.below(longestDelay))
    if (gone.aborted) return never()
    if (mishap === 'lose') throw new TallyError('unavailable', `the answer to ${call} was lost`)
    return result
  }

  async #fail(gone: AbortSignal, call: Call): Promise<void> {
    await this.#pause()
    if (gone.aborted) return never()
    const exitCode = this.#options.chance.pick([126, 127, 128])
    throw new TallyError('internal', `${call} failed`, { exitCode })
  }

  #pause(): Promise<void> {
    return this.#options.time.sleep(latency(this.#options.chance))
  }

  /** In order, as on a connection; and only to the daemon that was there when it happened. */
  #passOn(id: string, deliver: () => void): void {
    const { time, chance, faults } = this.#options
    const mishap = faults.ofTiding()
    if (mishap === 'lose') return void this.untold.add(id)
    const delay = mishap === 'late' ? chance.below(longestDelay) : latency(chance)
    this.#told = Math.max(this.#told, time.elapsed + delay)
    const daemon = this.#daemons
    for (let times = mishap === 'repeat' ? 2 : 1; times > 0; times -= 1)
      time.after(this.#told - time.elapsed, () => daemon === this.#daemons && deliver())
  }

  /** What a worker reports may come twice, or behind what another run's said. */
  #reported({ perform, undo }: Worker): Worker {
    const { chance, faults } = this.#options
    return {
      undo,
      async perform(job, signal) {
        const facts = await perform(job, signal)
        const mishap = chance.below(64)
        if (mishap > 1) return facts
        faults.count(mishap === 0 ? 'double report' : 'stale report')
        return mishap === 0 ? [...facts, ...facts] : [...facts.map(ofAnotherRun), ...facts]
      },
    }
  }

  /** Reads what the program is from the container's command. */
  #learning({ perform, undo }: Worker): Worker {
    return {
      undo,
      perform: (job, signal) => {
        const program = programOf(job.spec)
        this.#programs.set(job.id, program)
        this.world.programs.set(job.id, program)
        return perform(job, signal)
      },
    }
  }

  #execBegan({ execId, process }: ExecSpec): void {
    const { lasts, exitCode = 0 } = programIn(process.args)
    if (lasts !== undefined) this.#options.time.after(lasts, () => this.world.execs.end(execId, exitCode))
  }

  #began(spec: TaskSpec): void {
    const { id, runId } = spec
    this.onBegan(spec)
    const { lasts, exitCode = 0, oom = false } = this.#programs.get(id) ?? {}
    if (lasts === undefined) return
    this.#options.time.after(lasts, () => {
      if (this.world.tasks.get(id)?.spec.runId === runId) this.world.exit(id, exitCode, oom)
    })
  }
}

/** What the daemon does by itself is answered by the world like everything else. */
function answering(
  answer: <T>(call: Call, work: () => Promise<T>) => Promise<T>,
  [make, drop]: readonly [Call, Call],
  { perform, undo }: Worker,
): Worker {
  return {
    perform: (job, signal) => answer(make, () => perform(job, signal)),
    undo: (job) => answer(drop, () => undo(job)),
  }
}

function closing(onReleased: (id: string) => void, { perform, undo }: Worker): Worker {
  return {
    perform,
    async undo(job) {
      await undo(job)
      onReleased(job.id)
    },
  }
}

const ofAnotherRun = (fact: ContainerEvent): ContainerEvent =>
  'runId' in fact ? { ...fact, runId: 'another' } : fact

/** Milliseconds: most things are quick, some are not. */
const latency = (chance: Chance): number => (chance.oneIn(8) ? chance.below(200) : chance.below(50) / 10)
