/** The supervisor in this process. It has no memory of its own: its state is its directory and the live shims, whom it takes over when it opens. */
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { TallyError } from '../errors.ts'
import { betweenPoints, type Faults, noFaults } from '../faults.ts'
import { serial } from '../serial.ts'
import { abortable } from './abortable.ts'
import { adoptTasks } from './adopt.ts'
import { Broadcast } from './broadcast.ts'
import { cgroupStats } from './cgroup-stats.ts'
import type { Exec } from './exec.ts'
import { withFaultPoints } from './fault-points.ts'
import { launchTask } from './launch.ts'
import { launchExec } from './launch-exec.ts'
import { LaunchQueue, launchesAtOnce } from './launch-queue.ts'
import type { LocalSupervisor } from './local-port.ts'
import type {
  ExecRef,
  ExecSpec,
  ExitStatus,
  ProcessIdentity,
  ProcessRef,
  Resources,
  Size,
  SupervisorEvent,
  TaskSpec,
  TaskStats,
} from './port.ts'
import { releaseExec, releaseTask } from './release.ts'
import type { RuntimeTarget } from './runc-command.ts'
import { signalNumber } from './signals.ts'
import { startProcess } from './start-process.ts'
import type { Task } from './task.ts'
import { isSupervisorEvent, type TaskEvent, type TaskFact } from './task-event.ts'
import {
  runningProcess,
  setFrozen,
  signalExec,
  signalTask,
  signalWholeTask,
  taskProcesses,
  updateTask,
} from './task-process.ts'
import { TaskTable } from './task-table.ts'
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
  /** How many containers are created at once; more wait their turn. Default: `launchesAtOnce`. */
  readonly launches?: number
  readonly faults?: Faults
}

/** Opens the supervisor on its directory and adopts what lives there. */
export async function openSupervisor(options: SupervisorOptions): Promise<LocalSupervisor> {
  const { faults = noFaults } = options
  const supervisor = new DirectorySupervisor({ ...options, faults })
  await betweenPoints(faults, 'supervisor.adopt', () => supervisor.adopt())
  return withFaultPoints(supervisor, faults)
}

class DirectorySupervisor implements LocalSupervisor {
  readonly #options: Required<Omit<SupervisorOptions, 'launches'>>
  readonly #tasks = new TaskTable()
  readonly #launches: LaunchQueue
  readonly #inOrder = serial()
  readonly #events = new Broadcast<TaskEvent>()

  constructor({ launches = launchesAtOnce(), ...options }: SupervisorOptions & { readonly faults: Faults }) {
    this.#options = options
    this.#launches = new LaunchQueue(launches)
  }

  /** Takes over what an earlier supervisor left. */
  async adopt(): Promise<void> {
    for (const task of await adoptTasks({ ...this.#options, publish: this.#publish })) {
      this.#tasks.add(task)
      if (task.process === null) void this.#launches.enter(task.record.id, async () => task)
    }
  }

  startShim(spec: TaskSpec, signal?: AbortSignal): Promise<ProcessIdentity> {
    return this.#inOrder(spec.id, async () => {
      const known = this.#tasks.task(spec.id)
      if (known === undefined)
        return (await this.#launches.enter(spec.id, () => this.#launch(spec), signal)).shim
      if (known.record.runId === spec.runId) return known.shim
      throw new TallyError('already-exists', `task ${spec.id} already exists`, { step: 'startShim' })
    })
  }

  startExec(spec: ExecSpec): Promise<ProcessIdentity> {
    return this.#inOrderFor(spec.id, async (task) => {
      const known = task.execs.get(spec.execId)
      if (known !== undefined) return known.shim
      const exec = await launchExec({ ...this.#options, publish: this.#publish, task, spec })
      task.execs.set(spec.execId, exec)
      this.#publish({ ...aboutExec(exec), type: 'exec-added' })
      return exec.shim
    })
  }

  async awaitPid(of: ProcessRef): Promise<ProcessIdentity> {
    return this.#tasks.findProcess(of).created
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

  wait(of: ProcessRef, signal?: AbortSignal): Promise<ExitStatus> {
    const known = this.#tasks.process(of)
    if (known === undefined) return Promise.resolve(unknownExit(of, this.#options.clock))
    return signal === undefined ? known.ended : abortable(known.ended, signal)
  }

  async kill(of: ProcessRef, signalName: string): Promise<void> {
    const signal = signalNumber(signalName)
    if (typeof of === 'string') await this.#inOrderFor(of, (task) => signalTask(task, signal))
    else await this.#inOrderFor(of.id, async () => signalExec(this.#tasks.findExec(of), signal))
  }

  async killAll(id: string, signalName: string): Promise<void> {
    const signal = signalNumber(signalName)
    await this.#inOrderFor(id, (task) => signalWholeTask(task, signal))
  }

  pause(id: string): Promise<void> {
    return this.#inOrderFor(id, (task) => this.#freeze(task, true))
  }

  resume(id: string): Promise<void> {
    return this.#inOrderFor(id, (task) => this.#freeze(task, false))
  }

  delete(of: ProcessRef): Promise<void> {
    return typeof of === 'string' ? this.#deleteTask(of) : this.#deleteExec(of)
  }

  async closeStdin(of: ProcessRef): Promise<void> {
    this.#tasks.findProcess(of).control('0 0 0')
  }

  async attachOutput(of: ProcessRef): Promise<void> {
    this.#tasks.findProcess(of).control('2 0 0')
  }

  async resize(of: ProcessRef, { width, height }: Size): Promise<void> {
    this.#tasks.findProcess(of).control(`1 ${width} ${height}`)
  }

  async execs(id: string) {
    return [...this.#tasks.find(id).execs.values()].map((exec) => exec.state())
  }

  async processes(id: string): Promise<readonly number[]> {
    return taskProcesses(this.#tasks.find(id))
  }

  async stats(id: string): Promise<TaskStats> {
    const task = this.#tasks.find(id)
    runningProcess(task)
    return { readAt: this.#options.clock.now(), ...cgroupStats(task.cgroup) }
  }

  update(id: string, resources: Resources): Promise<void> {
    return this.#inOrderFor(id, (task) => updateTask(task, this.#runtime(task), resources))
  }

  async task(id: string) {
    return this.#tasks.task(id)?.state()
  }

  async tasks() {
    return this.#tasks.all().map((task) => task.state())
  }

  events(signal: AbortSignal): AsyncIterable<SupervisorEvent> {
    return onlySupervisorEvents(this.#events.subscribe(signal))
  }

  taskEvents(signal: AbortSignal): AsyncIterable<TaskEvent> {
    return this.#events.subscribe(signal)
  }

  spec(id: string): TaskSpec {
    return this.#tasks.find(id).record
  }

  version() {
    return Promise.resolve(supervisorVersion())
  }

  /** Stops following the tasks; they and their shims live on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#tasks[Symbol.dispose]()
  }

  async #launch(spec: TaskSpec): Promise<Task> {
    const runtime = spec.runtime || this.#options.defaultRuntime
    const runtimeOf = (task: Task) => this.#runtime(task)
    const task = await launchTask({
      ...this.#options,
      spec: { ...spec, runtime },
      runtimeOf,
      publish: this.#publish,
    })
    this.#tasks.add(task)
    this.#publish({ ...about(task), type: 'shim-started', shimPid: task.shim.pid })
    return task
  }

  #deleteTask(id: string): Promise<void> {
    this.#launches.cancel(id)
    this.#tasks.task(id)?.cancel.abort()
    return this.#inOrder(id, async () => {
      const task = this.#tasks.task(id)
      if (task === undefined) return
      await releaseTask(task, this.#runtime(task))
      this.#tasks.remove(task)
      this.#publishDeleted(task)
    })
  }

  #deleteExec(of: ExecRef): Promise<void> {
    return this.#inOrder(of.id, async () => {
      const execs = this.#tasks.task(of.id)?.execs
      const exec = execs?.get(of.execId)
      if (exec === undefined) return
      await releaseExec(exec)
      execs?.delete(of.execId)
      exec[Symbol.dispose]()
    })
  }

  async #freeze(task: Task, frozen: boolean): Promise<void> {
    const done = await setFrozen(task, this.#runtime(task), frozen)
    if (done) this.#publish({ ...about(task), type: frozen ? 'paused' : 'resumed' })
  }

  #runtime({ record, paths }: Task): RuntimeTarget {
    return { binary: record.runtime, root: this.#options.runtimeRoot, log: paths.runtimeLog, id: record.id }
  }

  #inOrderFor<T>(id: string, work: (task: Task) => Promise<T>): Promise<T> {
    return this.#inOrder(id, () => work(this.#tasks.find(id)))
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

const aboutExec = ({ record: { id, runId, execId } }: Exec) => ({ id, runId, execId })

function unknownExit(of: ProcessRef, clock: Clock): ExitStatus {
  const what = typeof of === 'string' ? `task ${of}` : `exec ${of.execId} of task ${of.id}`
  return { exitCode: 255, exitedAt: clock.now(), oomKilled: false, reason: `no ${what} is known` }
}

async function* onlySupervisorEvents(events: AsyncIterable<TaskEvent>): AsyncGenerator<SupervisorEvent> {
  for await (const { type, id, runId } of events) if (isSupervisorEvent(type)) yield { type, id, runId }
}
