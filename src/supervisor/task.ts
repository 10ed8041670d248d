/**
 * One task as this process follows it. Its facts are the files in its directory; what is kept here is what they say, and who waits for
 * them. The shim's `exit` fifo says when to look.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { isAlive, startTicks } from '../kernel/process-identity.ts'
import { cgroupDirectories, isFrozen, killCgroup } from './cgroup.ts'
import { ExitFifo } from './exit-fifo.ts'
import { startFailure } from './failure.ts'
import type { ExitStatus, ProcessIdentity, TaskState } from './port.ts'
import { killProcess, killRuntime } from './shim.ts'
import {
  readExitStatus,
  readFact,
  readPid,
  readProcess,
  type TaskPaths,
  type TaskRecord,
  writeFact,
} from './task-directory.ts'
import type { TaskFact } from './task-event.ts'

export interface TaskOptions {
  readonly record: TaskRecord
  readonly paths: TaskPaths
  readonly clock: Clock
  readonly logger: Logger
  readonly publish: (fact: TaskFact) => void
}

/** How long a shim that lives may take to open its fifos. */
const openingMilliseconds = 5000

export class Task implements Disposable {
  readonly record: TaskRecord
  readonly paths: TaskPaths
  /** Of the task's control group, in every hierarchy. */
  readonly cgroup: readonly string[]
  /** Aborted when the task is deleted: ends the runtime's commands for it. */
  readonly cancel = new AbortController()
  shim: ProcessIdentity = { pid: 0, startTicks: '0' }
  process: ProcessIdentity | null = null
  exit: ExitStatus | null = null
  /** Whether an earlier supervisor started it, so that more may have been done than this one saw. */
  adopted = false
  readonly #options: TaskOptions
  readonly #fifo: ExitFifo
  readonly #control: number
  readonly #created = Promise.withResolvers<ProcessIdentity>()
  readonly #ended = Promise.withResolvers<ExitStatus>()
  readonly #shimGone = Promise.withResolvers<void>()

  /** Opens the fifos, `control` for both sides: so it keeps what is written before the shim reads, and the shim never sees its end. */
  constructor(options: TaskOptions) {
    this.#options = options
    this.record = options.record
    this.paths = options.paths
    this.cgroup = cgroupDirectories({ id: options.record.id, path: options.record.cgroupsPath })
    this.#control = openSync(options.paths.control, constants.O_RDWR | constants.O_NONBLOCK)
    this.#created.promise.catch(() => {})
    this.#fifo = new ExitFifo(options.paths.exit, {
      line: (line) => this.#heard(line),
      hangUp: () =>
        void this.#lost().catch((error: unknown) => this.#conclude(this.#unknownExit(String(error)))),
    })
  }

  /** Settles when the pid is recorded, or when the container could not be created. */
  get created(): Promise<ProcessIdentity> {
    return this.#created.promise
  }

  get ended(): Promise<ExitStatus> {
    return this.#ended.promise
  }

  get shimGone(): Promise<void> {
    return this.#shimGone.promise
  }

  /** Begins to listen to a shim that is about to be spawned. */
  follow(): void {
    this.#fifo.follow()
  }

  /** Takes over a task whose shim an earlier supervisor spawned. */
  async adopt(shim: ProcessIdentity): Promise<void> {
    this.shim = shim
    this.adopted = true
    this.#recall()
    const deadline = performance.now() + openingMilliseconds
    while (!this.#fifo.probe()) {
      if (!isAlive(shim) || performance.now() > deadline) return this.shimEnded()
      await sleep(10)
    }
    this.#fifo.follow()
  }

  /** For who learned otherwise that the shim is gone: one that never opened its fifo can't hang up. */
  shimEnded(): void {
    this.#fifo.hangUp()
  }

  /** @param line three numbers: `0 0 0` closes stdin, `1 WIDTH HEIGHT` resizes, `2 0 0` opens the output fifos again. */
  control(line: string): void {
    writeSync(this.#control, `${line}\n`)
  }

  state(): TaskState {
    const { id, runId, bundle } = this.record
    return {
      id,
      runId,
      bundle,
      status: this.#status(),
      shim: this.shim,
      process: this.process,
      exit: this.exit,
    }
  }

  /** Stops listening; the shim stays. */
  [Symbol.dispose](): void {
    this.#fifo[Symbol.dispose]()
    closeSync(this.#control)
  }

  #status(): TaskState['status'] {
    if (this.exit !== null) return 'stopped'
    if (this.process === null) return 'creating'
    if (isFrozen(this.cgroup)) return 'paused'
    return readFact(this.paths.started) === undefined ? 'created' : 'running'
  }

  /** A fact that can't be written down (a full disk) must not end the process that follows all the other tasks. */
  #heard(line: string): void {
    try {
      if (line.startsWith('pid ')) this.#recordPid()
      if (line === 'oom') this.#publish({ type: 'oom', ...this.#about() })
    } catch (err) {
      this.#options.logger.error({ task: this.record.id, line, err }, 'word of the shim not taken')
    }
  }

  /** What is already known from the files. */
  #recall(): void {
    this.process = readProcess(this.paths) ?? null
    if (this.process === null) this.#recordPid()
    else this.#created.resolve(this.process)
  }

  /** `runc create` writes the pid as its last deed, so a pid that is there means that the container is created. */
  #recordPid(): void {
    const pid = readPid(this.paths)
    if (pid === undefined || this.process !== null) return
    this.process = { pid, startTicks: startTicks(pid) ?? '0' }
    writeFact(this.paths.startTime, this.process.startTicks)
    this.#created.resolve(this.process)
    this.#publish({ type: 'pid-recorded', pid, task: this.record, ...this.#about() })
  }

  /** The shim is gone; it wrote the exit status first, unless somebody killed it or it had nothing to report. */
  async #lost(): Promise<void> {
    this.#recordPid()
    this.#conclude(readExitStatus(this.paths) ?? (await this.#abandoned()))
  }

  #conclude(exit: ExitStatus): void {
    this.exit = exit
    if (this.process === null) this.#created.reject(this.#createFailure())
    else this.#publish({ type: 'exited', pid: this.process.pid, exit, ...this.#about() })
    this.#ended.resolve(exit)
    this.#shimGone.resolve()
  }

  /** Nobody reaps the container's processes any more, so they are ended, and the exit status is written in the shim's stead. */
  async #abandoned(): Promise<ExitStatus> {
    killProcess(this.shim)
    if (this.process === null) killRuntime(this.paths)
    else killProcess(this.process)
    const survivors = await killCgroup(this.cgroup)
    const reason = this.process === null ? 'the container was not created' : 'the shim was killed'
    const still = survivors.length === 0 ? '' : `; processes ${survivors.join(' ')} do not die`
    const exit = this.#unknownExit(reason + still)
    writeFact(this.paths.exitStatus, JSON.stringify(exit))
    return exit
  }

  #unknownExit(reason: string): ExitStatus {
    const oomKilled = readFact(this.paths.oom) !== undefined
    return { exitCode: 255, exitedAt: this.#options.clock.now(), oomKilled, reason }
  }

  #createFailure() {
    return startFailure({
      step: 'create',
      command: this.record.command,
      runtimeLog: readFact(this.paths.runtimeLog) ?? '',
      shimLog: readFact(this.paths.shimLog) ?? '',
      otherwise: 'the shim ended before the container was created',
    })
  }

  #about(): { readonly id: string; readonly runId: string } {
    return { id: this.record.id, runId: this.record.runId }
  }

  #publish(fact: TaskFact): void {
    this.#options.publish(fact)
  }
}
