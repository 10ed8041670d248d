/** The supervisor in this process. It has no memory of its own: its state is its directory and the live shims, whom it takes over when it opens. */
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { TallyError } from '../errors.ts'
import { abortable } from './abortable.ts'
import { adoptTasks } from './adopt.ts'
import { Broadcast } from './broadcast.ts'
import { launchTask } from './launch.ts'
import type { ExitStatus, ProcessIdentity, Supervisor, SupervisorEvent, TaskSpec } from './port.ts'
import { releaseTask } from './release.ts'
import type { RuntimeTarget } from './runc-command.ts'
import { serial } from './serial.ts'
import { signalNumber } from './signals.ts'
import { startProcess } from './start-process.ts'
import type { Task } from './task.ts'
import { isSupervisorEvent, type TaskEvent, type TaskFact } from './task-event.ts'
import { setFrozen, signalTask, signalWholeTask, taskProcesses } from './task-process.ts'
import { supervisorVersion } from './version.ts'

export interface SupervisorOptions {
  /** `supervisorRoot` of the daemon's roots. */
  readonly root: string
  readonly runtimeRoot: string
  /** Absolute path of tally-shim. */
  readonly shim: string
  /** For a task that names no runtime: absolute path or name of a binary. */
  readonly defaultRuntime: string
  readonly logger: Logger
  readonly clock: Clock
}

/** What the gRPC server needs beyond the port. */
export interface LocalSupervisor extends Supervisor, AsyncDisposable {
  /** Everything that happens to tasks from now on, until `signal` aborts. */
  taskEvents(signal: AbortSignal): AsyncIterable<TaskEvent>
  /** Signals every process of a task. @throws TallyError not-found if the first one does not run. */
  killAll(id: string, signalName: string): Promise<void>
  /** Pids of all processes of a task, the first one's first. @throws TallyError not-found */
  processes(id: string): Promise<readonly number[]>
  /** What the task was started with. @throws TallyError not-found */
  spec(id: string): TaskSpec
  /** Directories of the task's control group, one in each hierarchy. @throws TallyError not-found */
  cgroup(id: string): readonly string[]
}

/** Opens the supervisor on its directory and adopts what lives there. */
export async function openSupervisor(options: SupervisorOptions): Promise<LocalSupervisor> {
  return new DirectorySupervisor(options)
}

class DirectorySupervisor implements LocalSupervisor {
  readonly #options: SupervisorOptions
  readonly #tasks: Map<string, Task>
  readonly #inOrder = serial()
  readonly #events = new Broadcast<TaskEvent>()

  constructor(options: SupervisorOptions) {
    this.#options = options
    const adopted = adoptTasks({ ...options, publish: this.#publish })
    this.#tasks = new Map(adopted.map((task) => [task.record.id, task]))
  }

  startShim(spec: TaskSpec): Promise<ProcessIdentity> {
    return this.#inOrder(spec.id, async () => {
      const known = this.#tasks.get(spec.id)
      if (known === undefined) return this.#launch(spec)
      if (known.record.runId === spec.runId) return known.shim
      throw new TallyError('already-exists', `task ${spec.id} already exists`, { step: 'startShim' })
    })
  }

  awaitPid(id: string): Promise<ProcessIdentity> {
    return this.#withTask(id, (task) => task.created)
  }

  startProcess(id: string): Promise<{ readonly startedAt: string }> {
    return this.#inOrderFor(id, async (task) => {
      const { startedAt, first } = await startProcess({
        ...this.#options,
        task,
        runtime: this.#runtime(task),
      })
      if (first && task.process !== null)
        this.#publish({ ...about(task), type: 'started', pid: task.process.pid })
      return { startedAt }
    })
  }

  wait(id: string, signal?: AbortSignal): Promise<ExitStatus> {
    const task = this.#tasks.get(id)
    if (task === undefined) return Promise.resolve(unknownExit(id, this.#options.clock))
    return signal === undefined ? task.ended : abortable(task.ended, signal)
  }

  async kill(id: string, signalName: string): Promise<void> {
    const signal = signalNumber(signalName)
    await this.#inOrderFor(id, async (task) => signalTask(task, signal))
  }

  async killAll(id: string, signalName: string): Promise<void> {
    const signal = signalNumber(signalName)
    await this.#inOrderFor(id, async (task) => signalWholeTask(task, signal))
  }

  pause(id: string): Promise<void> {
    return this.#inOrderFor(id, (task) => this.#freeze(task, true))
  }

  resume(id: string): Promise<void> {
    return this.#inOrderFor(id, (task) => this.#freeze(task, false))
  }

  delete(id: string): Promise<void> {
    this.#tasks.get(id)?.cancel.abort()
    return this.#inOrder(id, async () => {
      const task = this.#tasks.get(id)
      if (task === undefined) return
      await releaseTask(task, this.#runtime(task))
      this.#tasks.delete(id)
      task[Symbol.dispose]()
      this.#publishDeleted(task)
    })
  }

  closeStdin(id: string): Promise<void> {
    return this.#withTask(id, async (task) => task.control('0 0 0'))
  }

  attachOutput(id: string): Promise<void> {
    return this.#withTask(id, async (task) => task.control('2 0 0'))
  }

  resize(id: string, { width, height }: { readonly width: number; readonly height: number }): Promise<void> {
    return this.#withTask(id, async (task) => task.control(`1 ${width} ${height}`))
  }

  async task(id: string) {
    return this.#tasks.get(id)?.state()
  }

  async tasks() {
    return [...this.#tasks.values()].map((task) => task.state())
  }

  events(signal: AbortSignal): AsyncIterable<SupervisorEvent> {
    return onlySupervisorEvents(this.#events.subscribe(signal))
  }

  taskEvents(signal: AbortSignal): AsyncIterable<TaskEvent> {
    return this.#events.subscribe(signal)
  }

  processes(id: string): Promise<readonly number[]> {
    return this.#withTask(id, async (task) => taskProcesses(task))
  }

  spec(id: string): TaskSpec {
    return this.#find(id).record
  }

  cgroup(id: string): readonly string[] {
    return this.#find(id).cgroup
  }

  version() {
    return Promise.resolve(supervisorVersion())
  }

  /** Stops following the tasks; they and their shims live on. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const task of this.#tasks.values()) task[Symbol.dispose]()
    this.#tasks.clear()
  }

  async #launch(spec: TaskSpec): Promise<ProcessIdentity> {
    const runtime = spec.runtime || this.#options.defaultRuntime
    const runtimeOf = (task: Task) => this.#runtime(task)
    const task = await launchTask({
      ...this.#options,
      spec: { ...spec, runtime },
      runtimeOf,
      publish: this.#publish,
    })
    this.#tasks.set(spec.id, task)
    this.#publish({ ...about(task), type: 'shim-started', shimPid: task.shim.pid })
    return task.shim
  }

  async #freeze(task: Task, frozen: boolean): Promise<void> {
    const done = await setFrozen(task, this.#runtime(task), frozen)
    if (done) this.#publish({ ...about(task), type: frozen ? 'paused' : 'resumed' })
  }

  #runtime({ record, paths }: Task): RuntimeTarget {
    return { binary: record.runtime, root: this.#options.runtimeRoot, log: paths.runtimeLog, id: record.id }
  }

  #find(id: string): Task {
    const task = this.#tasks.get(id)
    if (task === undefined) throw new TallyError('not-found', `task ${id}: not found`)
    return task
  }

  async #withTask<T>(id: string, work: (task: Task) => Promise<T>): Promise<T> {
    return work(this.#find(id))
  }

  #inOrderFor<T>(id: string, work: (task: Task) => Promise<T>): Promise<T> {
    return this.#inOrder(id, () => work(this.#find(id)))
  }

  readonly #publish = (fact: TaskFact): void => {
    this.#events.publish({ ...fact, at: this.#options.clock.now() })
  }

  #publishDeleted(task: Task): void {
    if (task.process === null || task.exit === null) return
    this.#publish({ ...about(task), type: 'deleted', pid: task.process.pid, exit: task.exit })
  }
}

const about = ({ record: { id, runId } }: Task) => ({ id, runId })

function unknownExit(id: string, clock: Clock): ExitStatus {
  return { exitCode: 255, exitedAt: clock.now(), oomKilled: false, reason: `no task ${id} is known` }
}

async function* onlySupervisorEvents(events: AsyncIterable<TaskEvent>): AsyncGenerator<SupervisorEvent> {
  for await (const { type, id, runId } of events) if (isSupervisorEvent(type)) yield { type, id, runId }
}
