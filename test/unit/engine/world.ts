/**
 * A world for the engine to act on: mounts, bundles, tasks and layers that are kept in sets and maps, and outlive the daemon. What takes
 * time takes some turns of the event loop, and what the world was told to refuse or to do late, it does.
 */

import { setImmediate as turn } from 'node:timers/promises'
import type { ContainerEvent, LaunchStep } from '../../../machines/container-events.ts'
import type { EffectWorkers } from '../../../src/engine/effects.ts'
import { TallyError } from '../../../src/errors.ts'
import type {
  ExitStatus,
  ProcessRef,
  Supervisor,
  SupervisorEvent,
  TaskSpec,
  TaskState,
} from '../../../src/supervisor/port.ts'
import { signalNumber } from '../../../src/supervisor/signals.ts'
import type { Leftovers } from '../../../src/workers/leftovers.ts'
import { awaitPidWorker, startProcessWorker, startShimWorker } from '../../../src/workers/task.ts'
import type { Job, Worker } from '../../../src/workers/worker.ts'
import { ExecWorld } from './exec-world.ts'

/** How a container's program behaves. */
export interface Program {
  /** Ends with this code as soon as it was started. */
  readonly endsWith?: number
  /** Signals that do not end it, by number. */
  readonly survives?: readonly number[]
}

interface Task {
  readonly spec: TaskSpec
  state: TaskState
  readonly ended: PromiseWithResolvers<ExitStatus>
}

export type Operation =
  | LaunchStep
  | 'unmount'
  | 'dropBundle'
  | 'kill'
  | 'pause'
  | 'resume'
  | 'delete'
  | 'removeLayers'
  | 'startExec'
  | 'applyLimits'

const startedAt = '2026-01-01T00:00:00.000000000Z'
const exitedAt = '2026-01-01T00:01:00.000000000Z'
/** A new one each time: a lasting one would keep all that ever waited for it. */
export const never = () => new Promise<never>(() => undefined)

export class World {
  readonly layers = new Set<string>()
  /** Directories of volumes. */
  readonly volumes = new Set<string>()
  readonly mounts = new Set<string>()
  readonly bundles = new Set<string>()
  readonly tasks = new Map<string, Task>()
  /** All that was done, in order, as `<operation> <container>`. */
  readonly done: string[] = []
  /** By container id; what is not in here runs until it is told to end. */
  readonly programs = new Map<string, Program>()
  /** Asked before every operation: throws what the world answers with instead, or holds it up. */
  hinder: (operation: Operation, id: string) => void | Promise<void> = () => undefined
  /** Turns of the event loop that an operation takes. */
  delay: () => number = () => 1
  /** One turn of what the world takes for time. */
  turn: () => Promise<unknown> = () => turn()
  now: () => string = () => exitedAt
  started: () => string = () => startedAt
  /** Told when a program begins and when it has ended. */
  onStarted: (spec: TaskSpec) => void = () => undefined
  onExited: (spec: TaskSpec, exit: ExitStatus) => void = () => undefined
  /** Passes on to who listens what tasks do by themselves; may lose it, repeat it or hold it up. */
  pass: (event: SupervisorEvent, deliver: () => void) => void = (_, deliver) => deliver()
  readonly #listeners = new Set<(event: SupervisorEvent) => void>()
  readonly execs = new ExecWorld({
    taskOf: (id) => this.tasks.get(id)?.state,
    newProcess: () => this.#newProcess(),
    now: () => this.now(),
  })
  #nextPid = 100

  /** What is there for a container beside its layers. */
  leftovers(id: string): readonly string[] {
    return [
      ...(this.mounts.has(id) ? ['mount'] : []),
      ...(this.bundles.has(id) ? ['bundle'] : []),
      ...(this.tasks.has(id) ? ['task'] : []),
    ]
  }

  /** The hands of one daemon: once `gone` is aborted, nothing that it began goes on or answers. */
  workers(gone: AbortSignal, supervisor = this.supervisor(gone)): EffectWorkers {
    const roots = { dataRoot: '/data', execRoot: '/run' }
    const options = {
      ...{ roots, supervisor, bootId: 'boot', runtimePath: (name: string) => name },
      openStreams: () => undefined,
      feedStreams: () => undefined,
      closeStreams: ({ id }: Job) => void this.done.push(`closeStreams ${id}`),
    }
    return {
      supervisor,
      launch: {
        mountRootfs: this.#place(gone, 'mountRootfs', 'unmount', this.mounts, ({ id, runId }) => ({
          type: 'RootfsMounted',
          runId,
          rootfs: `/rootfs/${id}`,
        })),
        prepareBundle: this.#place(gone, 'prepareBundle', 'dropBundle', this.bundles, ({ id, runId }) => ({
          type: 'BundlePrepared',
          runId,
          bundle: `/bundle/${id}`,
        })),
        startShim: startShimWorker(options),
        awaitPid: awaitPidWorker(options),
        startProcess: startProcessWorker(options),
      },
      exec: this.execs.worker(),
      applyLimits: ({ id }) => this.#act(gone, 'applyLimits', id, () => undefined),
      remove: (id) => this.#act(gone, 'removeLayers', id, () => void this.layers.delete(id)),
    }
  }

  supervisor(gone: AbortSignal): Supervisor {
    const act = <T>(operation: Operation, id: string, work: () => T): Promise<T> =>
      this.#act(gone, operation, id, work)
    const tasks: Supervisor = {
      startShim: (spec) => act('startShim', spec.id, () => this.#startShim(spec).state.shim),
      startExec: async () => unsupported('exec'),
      execs: async () => [],
      processes: async () => [],
      stats: async () => unsupported('stats'),
      update: async () => unsupported('update'),
      awaitPid: (of) => act('awaitPid', taskOf(of), () => this.#recordPid(taskOf(of))),
      startProcess: (id) => act('startProcess', id, () => this.#startProcess(id)),
      wait: (of, signal) => this.#wait(gone, taskOf(of), signal),
      kill: (of, name) => act('kill', taskOf(of), () => this.#signal(taskOf(of), signalNumber(name))),
      pause: (id) => act('pause', id, () => this.freeze(id, true)),
      resume: (id) => act('resume', id, () => this.freeze(id, false)),
      delete: (of) => act('delete', taskOf(of), () => this.#delete(taskOf(of))),
      closeStdin: async () => undefined,
      attachOutput: async () => undefined,
      resize: async () => undefined,
      task: async (id) => this.tasks.get(id)?.state,
      tasks: async () => [...this.tasks.values()].map(({ state }) => state),
      events: (signal) => this.#events(signal),
      version: async () => ({ version: 'test', revision: '' }),
    }
    return this.execs.among(tasks, gone, act)
  }

  /** What there is of containers, for recovery to compare and to release. */
  remains(gone: AbortSignal): Leftovers {
    const places = { mount: this.mounts, bundle: this.bundles, layer: this.layers } as const
    const of = (kind: keyof typeof places) =>
      [...places[kind]].map((id) => ({ kind, id, path: `/${kind}/${id}` }))
    const act = (operation: Operation, id: string, work: () => void): Promise<void> =>
      this.#act(gone, operation, id, work)
    const operations = { mount: 'unmount', bundle: 'dropBundle', layer: 'removeLayers' } as const
    return {
      observe: async () => [...of('mount'), ...of('bundle'), ...of('layer')],
      async release({ kind, id }) {
        if (kind === 'mount' || kind === 'bundle' || kind === 'layer')
          await act(operations[kind], id, () => void places[kind].delete(id))
      },
    }
  }

  /** The program ends by itself. */
  exit(id: string, exitCode: number, oomKilled = false): void {
    this.#end(id, { exitCode, exitedAt: this.now(), oomKilled })
  }

  /** The shim was killed: nobody knows how the program ended, and the supervisor ends what is left. */
  loseShim(id: string): void {
    this.#end(id, { exitCode: 255, exitedAt: this.now(), oomKilled: false, reason: 'the shim was killed' })
  }

  /** The task vanishes with all that knows of it: nobody can say any more how it ended. */
  lose(id: string): void {
    const task = this.tasks.get(id)
    this.tasks.delete(id)
    this.execs.drop(id)
    task?.ended.resolve({ exitCode: 255, exitedAt, oomKilled: false, reason: `no task ${id} is known` })
  }

  /** The kernel's OOM killer chose a process of the container, not the first one. */
  runOutOfMemory(id: string): void {
    const task = this.#find(id)
    task.state = { ...task.state, oomKilled: true }
    this.#tell(id, 'oom')
  }

  freeze(id: string, frozen: boolean): void {
    const task = this.#running(id)
    task.state = { ...task.state, status: frozen ? 'paused' : 'running' }
    this.#tell(id, frozen ? 'paused' : 'resumed')
  }

  /** All that lives only as long as the host runs is gone. */
  reboot(): void {
    for (const lost of [this.mounts, this.bundles, this.tasks]) lost.clear()
    this.execs.reboot()
  }

  /** A mount or a bundle: something that is there or not. */
  #place(
    gone: AbortSignal,
    make: 'mountRootfs' | 'prepareBundle',
    drop: 'unmount' | 'dropBundle',
    places: Set<string>,
    fact: (job: Job) => ContainerEvent,
  ): Worker {
    return {
      perform: (job) =>
        this.#act(gone, make, job.id, () => {
          places.add(job.id)
          return [fact(job)]
        }),
      undo: ({ id }) => this.#act(gone, drop, id, () => void places.delete(id)),
    }
  }

  async #act<T>(gone: AbortSignal, operation: Operation, id: string, work: () => T): Promise<T> {
    if (gone.aborted) return never()
    await this.hinder(operation, id)
    for (let turns = this.delay(); turns > 0; turns -= 1) await this.turn()
    if (gone.aborted) return never()
    this.done.push(`${operation} ${id}`)
    const result = work()
    for (let turns = this.delay(); turns > 0; turns -= 1) await this.turn()
    return gone.aborted ? never() : result
  }

  #startShim(spec: TaskSpec): Task {
    const known = this.tasks.get(spec.id)
    if (known?.spec.runId === spec.runId) return known
    if (known !== undefined) throw new TallyError('already-exists', `task ${spec.id} already exists`)
    if (!this.mounts.has(spec.id) || !this.bundles.has(spec.id))
      throw new TallyError('internal', `the bundle of ${spec.id} is not there`)
    const { id, runId, bundle } = spec
    const shim = this.#newProcess()
    const state: TaskState = {
      id,
      runId,
      bundle,
      status: 'creating',
      shim,
      process: null,
      oomKilled: false,
      exit: null,
    }
    const task: Task = { spec, state, ended: Promise.withResolvers() }
    this.tasks.set(id, task)
    return task
  }

  #recordPid(id: string) {
    const task = this.#find(id)
    const process = task.state.process ?? this.#newProcess()
    if (task.state.status === 'creating') task.state = { ...task.state, status: 'created', process }
    return process
  }

  #startProcess(id: string): { readonly startedAt: string } {
    const task = this.#find(id)
    const startedAt = this.started()
    if (task.state.status !== 'created') return { startedAt }
    task.state = { ...task.state, status: 'running' }
    this.onStarted(task.spec)
    const { endsWith } = this.programs.get(id) ?? {}
    if (endsWith !== undefined) this.exit(id, endsWith)
    return { startedAt }
  }

  #end(id: string, exit: ExitStatus): void {
    const task = this.tasks.get(id)
    if (task === undefined || task.state.exit !== null) return
    task.state = { ...task.state, status: 'stopped', exit }
    this.execs.endAll(id)
    this.onExited(task.spec, exit)
    task.ended.resolve(exit)
  }

  async #wait(gone: AbortSignal, id: string, signal?: AbortSignal): Promise<ExitStatus> {
    const task = this.tasks.get(id)
    const unknown = { exitCode: 255, exitedAt, oomKilled: false, reason: `no task ${id} is known` }
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    const exit = await Promise.race([task?.ended.promise ?? unknown, aborted])
    return gone.aborted ? never() : exit
  }

  #signal(id: string, signal: number): void {
    const { state } = this.#running(id)
    const deadly = signal === 9 || !(this.programs.get(id)?.survives ?? []).includes(signal)
    const unkillable = this.programs.get(id)?.survives?.includes(9) === true
    if (deadly && !unkillable && (state.status !== 'paused' || signal === 9)) this.exit(id, 128 + signal)
  }

  #delete(id: string): void {
    this.exit(id, 137)
    this.execs.drop(id)
    this.tasks.delete(id)
  }

  #find(id: string): Task {
    const task = this.tasks.get(id)
    if (task === undefined) throw new TallyError('not-found', `task ${id}: not found`)
    return task
  }

  #running(id: string): Task {
    const task = this.#find(id)
    if (task.state.status === 'running' || task.state.status === 'paused') return task
    throw new TallyError('not-found', `task ${id}: process already finished: not found`)
  }

  #newProcess() {
    this.#nextPid += 1
    return { pid: this.#nextPid, startTicks: String(this.#nextPid) }
  }

  #tell(id: string, type: SupervisorEvent['type']): void {
    const event = { type, id, runId: this.#find(id).spec.runId }
    this.pass(event, () => {
      for (const listener of this.#listeners) listener(event)
    })
  }

  async *#events(signal: AbortSignal): AsyncGenerator<SupervisorEvent> {
    const waiting: SupervisorEvent[] = []
    let wake = Promise.withResolvers<void>()
    const listener = (event: SupervisorEvent): void => {
      waiting.push(event)
      wake.resolve()
    }
    this.#listeners.add(listener)
    signal.addEventListener('abort', () => wake.resolve(), { once: true })
    while (!signal.aborted) {
      yield* waiting.splice(0)
      await wake.promise
      wake = Promise.withResolvers()
    }
    this.#listeners.delete(listener)
  }
}

const taskOf = (of: ProcessRef): string => (typeof of === 'string' ? of : of.id)

function unsupported(what: string): never {
  throw new Error(`no ${what} in this world`)
}
