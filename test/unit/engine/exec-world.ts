/** The execs of the simulated world: they run until they are ended, or their task is. */
import { TallyError } from '../../../src/errors.ts'
import type {
  ExecRef,
  ExecSpec,
  ExecState,
  ExitStatus,
  ProcessIdentity,
  ProcessRef,
  Supervisor,
  TaskState,
} from '../../../src/supervisor/port.ts'
import type { ExecWorker } from '../../../src/workers/exec.ts'

export interface ExecWorldPorts {
  readonly taskOf: (id: string) => TaskState | undefined
  readonly newProcess: () => ProcessIdentity
  readonly now: () => string
}

interface Exec {
  readonly spec: ExecSpec
  readonly shim: ProcessIdentity
  readonly process: ProcessIdentity
  exit: ExitStatus | null
  readonly ended: PromiseWithResolvers<ExitStatus>
}

/** Does something in the world's own time. */
type Act = <T>(
  operation: 'startExec' | 'awaitPid' | 'kill' | 'delete',
  id: string,
  work: () => T,
) => Promise<T>

/** A new one each time: a lasting one would keep all that ever waited for it. */
const never = () => new Promise<never>(() => undefined)

export class ExecWorld {
  readonly #ports: ExecWorldPorts
  readonly #execs = new Map<string, Exec>()
  /** What the next ones can't be started for. */
  refusal: string | undefined
  /** Execs outlive the first process, as with the host's pids. */
  keepsGoing = false
  onStarted: (spec: ExecSpec) => void = () => undefined
  onExited: (spec: ExecSpec, exit: ExitStatus) => void = () => undefined
  onDropped: (spec: ExecSpec) => void = () => undefined

  constructor(ports: ExecWorldPorts) {
    this.#ports = ports
  }

  /** Whether the supervisor still has it. */
  has(execId: string): boolean {
    return this.#execs.has(execId)
  }

  isRunning(execId: string): boolean {
    return this.#execs.get(execId)?.exit === null
  }

  ids(): readonly string[] {
    return [...this.#execs.keys()]
  }

  end(execId: string, exitCode: number): void {
    const exec = this.#execs.get(execId)
    if (exec === undefined || exec.exit !== null) return
    exec.exit = { exitCode, exitedAt: this.#ports.now(), oomKilled: false }
    this.onExited(exec.spec, exec.exit)
    exec.ended.resolve(exec.exit)
  }

  /** The first process has ended, and takes all others with it. */
  endAll(id: string): void {
    if (!this.keepsGoing) this.#endThose(id)
  }

  /** The task is deleted. */
  drop(id: string): void {
    this.#endThose(id)
    for (const [execId, { spec }] of this.#execs) {
      if (spec.id !== id) continue
      this.#execs.delete(execId)
      this.onDropped(spec)
    }
  }

  reboot(): void {
    this.#execs.clear()
  }

  worker(): ExecWorker {
    return {
      stdio: () => ({}),
      prepare: ({ id, execId, runId, config }) => ({
        ...{ id, execId, runId },
        ...{ process: { args: config.Cmd }, stdio: {}, terminal: false },
      }),
      release: async () => undefined,
    }
  }

  /** A supervisor that has execs besides the tasks of `tasks`. */
  among(tasks: Supervisor, gone: AbortSignal, act: Act): Supervisor {
    return {
      ...tasks,
      startExec: (spec) => act('startExec', spec.execId, () => this.#start(spec)),
      awaitPid: (of) =>
        ofExec(of) ? act('awaitPid', of.execId, () => this.#find(of).process) : tasks.awaitPid(of),
      wait: (of, signal) => (ofExec(of) ? this.#wait(gone, of, signal) : tasks.wait(of, signal)),
      kill: (of, name) => (ofExec(of) ? act('kill', of.execId, () => this.#kill(of)) : tasks.kill(of, name)),
      delete: (of) =>
        ofExec(of) ? act('delete', of.execId, () => this.#delete(of.execId)) : tasks.delete(of),
      execs: async (id) => [...this.#execs.values()].filter(({ spec }) => spec.id === id).map(stateOf),
    }
  }

  #endThose(id: string): void {
    for (const [execId, { spec }] of this.#execs) if (spec.id === id) this.end(execId, 137)
  }

  #start(spec: ExecSpec): ProcessIdentity {
    const { id, execId, runId } = spec
    if (this.refusal !== undefined)
      throw new TallyError('bad-request', this.refusal, { step: 'awaitPid', exitCode: 127 })
    const known = this.#execs.get(execId)
    if (known !== undefined) return known.shim
    const task = this.#ports.taskOf(id)
    if (task === undefined) throw new TallyError('not-found', `task ${id}: not found`)
    if (task.status !== 'running' || task.runId !== runId)
      throw new TallyError('conflict', `task ${id} is ${task.status}`)
    const [shim, process] = [this.#ports.newProcess(), this.#ports.newProcess()]
    this.#execs.set(execId, { spec, shim, process, exit: null, ended: Promise.withResolvers() })
    this.onStarted(spec)
    return shim
  }

  #kill(of: ExecRef): void {
    if (this.#find(of).exit !== null) throw new TallyError('not-found', 'process already finished')
    this.end(of.execId, 137)
  }

  #delete(execId: string): void {
    this.end(execId, 137)
    this.#execs.delete(execId)
  }

  #find({ id, execId }: ExecRef): Exec {
    const exec = this.#execs.get(execId)
    if (exec === undefined) throw new TallyError('not-found', `exec ${execId} of task ${id}: not found`)
    return exec
  }

  async #wait(gone: AbortSignal, { execId }: ExecRef, signal?: AbortSignal): Promise<ExitStatus> {
    const reason = `no exec ${execId} is known`
    const unknown = { exitCode: 255, exitedAt: this.#ports.now(), oomKilled: false, reason }
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
    const exit = await Promise.race([this.#execs.get(execId)?.ended.promise ?? unknown, aborted])
    return gone.aborted ? never() : exit
  }
}

const ofExec = (of: ProcessRef): of is ExecRef => typeof of !== 'string'

const stateOf = ({ spec: { id, execId, runId }, shim, process, exit }: Exec): ExecState => ({
  ...{ id, execId, runId, shim, process, exit },
  status: exit === null ? 'running' : 'stopped',
})
