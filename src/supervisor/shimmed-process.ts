/**
 * A process and its shim as this process follows them. Its facts are the files in its directory; what is kept here is what they say, and
 * who waits for them. The shim's `exit` fifo says when to look.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import type { TallyError } from '../errors.ts'
import { betweenPoints, type Faults } from '../faults.ts'
import { isAlive, startTicks } from '../kernel/process-identity.ts'
import { ExitFifo } from './exit-fifo.ts'
import type { ExitStatus, ProcessIdentity } from './port.ts'
import { readExitStatus, readPid, readProcess, type ShimPaths, writeFact } from './task-directory.ts'
import type { TaskFact } from './task-event.ts'

export interface FollowOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly faults: Faults
  readonly publish: (fact: TaskFact) => void
}

/** How long a shim that lives may take to open its fifos. */
const openingMilliseconds = 5000

export abstract class ShimmedProcess<Paths extends ShimPaths = ShimPaths> implements Disposable {
  readonly paths: Paths
  shim: ProcessIdentity = { pid: 0, startTicks: '0' }
  process: ProcessIdentity | null = null
  exit: ExitStatus | null = null
  /** Whether an earlier supervisor started it, so that more may have been done than this one saw. */
  adopted = false
  readonly options: FollowOptions
  readonly #fifo: ExitFifo
  readonly #control: number
  /** Only if the shim could tell it, but not write it down. */
  #toldExit: ExitStatus | undefined
  readonly #created = Promise.withResolvers<ProcessIdentity>()
  readonly #ended = Promise.withResolvers<ExitStatus>()
  readonly #shimGone = Promise.withResolvers<void>()

  /** Opens the fifos, `control` for both sides: so it keeps what is written before the shim reads, and the shim never sees its end. */
  constructor(paths: Paths, options: FollowOptions) {
    this.paths = paths
    this.options = options
    this.#control = openSync(paths.control, constants.O_RDWR | constants.O_NONBLOCK)
    this.#created.promise.catch(() => {})
    this.#fifo = new ExitFifo(paths.exit, {
      line: (line) => this.#heard(line),
      hangUp: () =>
        void this.#lost().catch((error: unknown) => this.#conclude(this.#unknownExit(String(error)))),
    })
  }

  /** Whom it is about, for the log. */
  protected abstract get name(): string
  /** A line of the shim that not every shim has. */
  protected abstract told(line: string): void
  /** The pid is recorded. */
  protected abstract began(process: ProcessIdentity): void
  /** The process that had begun has ended. */
  protected abstract finished(process: ProcessIdentity, exit: ExitStatus): void
  /** Nobody reaps the process any more: ends it. @returns what else is to be said of it. */
  protected abstract abandon(): Promise<string>
  /** Why there is no process. */
  protected abstract failure(): TallyError
  protected abstract get oomKilled(): boolean
  /** When the process was let run, if that is known. */
  protected abstract get startedAt(): string | undefined

  /** Settles when the pid is recorded, or when the process could not be created. */
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

  /** Takes over a process whose shim an earlier supervisor spawned. */
  async adopt(shim: ProcessIdentity): Promise<void> {
    this.shim = shim
    this.adopted = true
    this.#unlessFailing('', () => this.#recall())
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

  /** Stops listening; the shim stays. */
  [Symbol.dispose](): void {
    this.#fifo[Symbol.dispose]()
    closeSync(this.#control)
  }

  protected publish(fact: TaskFact): void {
    this.options.publish(fact)
  }

  #heard(line: string): void {
    this.#unlessFailing(line, () => {
      if (line.startsWith('pid ')) this.#recordPid()
      if (line.startsWith('exited ')) this.#noteExit(Number(line.slice('exited '.length)))
      this.told(line)
    })
  }

  /**
   * A fact that can't be written down (a full disk) must not end the process that follows all the others; but who waits for the pid must hear
   * of it.
   */
  #unlessFailing(line: string, note: () => void): void {
    try {
      note()
    } catch (err) {
      this.options.logger.error({ task: this.name, line, err }, 'word of the shim not taken')
      this.#created.reject(err)
    }
  }

  /** The shim writes the exit status first. Where it could not (its disk is full), the code is known from its word alone. */
  #noteExit(exitCode: number): void {
    if (readExitStatus(this.paths) !== undefined) return
    this.#toldExit = { exitCode, exitedAt: this.options.clock.now(), oomKilled: this.oomKilled }
    writeFact(this.paths.exitStatus, JSON.stringify(this.#toldExit))
  }

  /** What is already known from the files. */
  #recall(): void {
    this.process = readProcess(this.paths) ?? null
    if (this.process === null) this.#recordPid()
    else this.#created.resolve(this.process)
  }

  /** The runtime writes the pid as its last deed, so a pid that is there means that the process is created. */
  #recordPid(): void {
    const pid = readPid(this.paths)
    if (pid === undefined || this.process !== null) return
    this.process = { pid, startTicks: startTicks(pid) ?? '0' }
    this.options.faults.reachNow('supervisor.recordPid.before')
    writeFact(this.paths.startTime, this.process.startTicks)
    this.options.faults.reachNow('supervisor.recordPid.after')
    this.#created.resolve(this.process)
    this.began(this.process)
  }

  /** The shim is gone; it wrote the exit status first, unless somebody killed it or it had nothing to report. */
  async #lost(): Promise<void> {
    this.#recordPid()
    this.#conclude(readExitStatus(this.paths) ?? this.#toldExit ?? (await this.#abandoned()))
  }

  #conclude(exit: ExitStatus): void {
    this.exit = { ...exit, exitedAt: later(exit.exitedAt, this.startedAt) }
    if (this.process === null) this.#created.reject(this.failure())
    else this.finished(this.process, this.exit)
    this.#ended.resolve(this.exit)
    this.#shimGone.resolve()
  }

  /** The exit status is written in the shim's stead. */
  async #abandoned(): Promise<ExitStatus> {
    const { faults } = this.options
    const reason = this.process === null ? 'the container was not created' : 'the shim was killed'
    const trouble = await betweenPoints(faults, 'supervisor.abandon', () => this.abandon())
    const exit = this.#unknownExit(reason + trouble)
    await betweenPoints(faults, 'supervisor.recordExit', () =>
      writeFact(this.paths.exitStatus, JSON.stringify(exit)),
    )
    return exit
  }

  #unknownExit(reason: string): ExitStatus {
    return { exitCode: 255, exitedAt: this.options.clock.now(), oomKilled: this.oomKilled, reason }
  }
}

/** A start is seen by what the runtime does after it, which may be a moment after the end of a short process. */
const later = (exitedAt: string, startedAt = ''): string => (exitedAt < startedAt ? startedAt : exitedAt)
