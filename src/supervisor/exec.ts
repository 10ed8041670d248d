/** One exec: a further process in a task, under a shim of its own. */
import { haveDied } from './death.ts'
import { startFailure } from './failure.ts'
import type { ExecState, ExitStatus, ProcessIdentity } from './port.ts'
import { killProcess, killRuntime } from './shim.ts'
import { type FollowOptions, ShimmedProcess } from './shimmed-process.ts'
import { type ExecRecord, readFact, type ShimPaths } from './task-directory.ts'

export interface ExecOptions extends FollowOptions {
  readonly record: ExecRecord
  readonly paths: ShimPaths
}

export class Exec extends ShimmedProcess {
  readonly record: ExecRecord

  constructor(options: ExecOptions) {
    super(options.paths, options)
    this.record = options.record
  }

  state(): ExecState {
    const { shim, process, exit } = this
    return { ...this.#about(), status: this.#status(), shim, process, exit }
  }

  /** Kills the process. What it started stays: that is the container's. */
  end(): void {
    if (this.process !== null) killProcess(this.process)
  }

  protected override get name(): string {
    return `${this.record.id}/${this.record.execId}`
  }

  /** An OOM kill is told of the container. */
  /** Nobody is told when an exec began. */
  protected override get startedAt(): undefined {
    return undefined
  }

  protected override get oomKilled(): boolean {
    return false
  }

  protected override told(): void {}

  protected override began({ pid }: ProcessIdentity): void {
    this.publish({ type: 'exec-started', pid, ...this.#about() })
  }

  protected override finished({ pid }: ProcessIdentity, exit: ExitStatus): void {
    this.publish({ type: 'exec-exited', pid, exit, ...this.#about() })
  }

  protected override async abandon(): Promise<string> {
    killProcess(this.shim)
    if (this.process === null) await killRuntime(this.paths)
    this.end()
    const hasDied = await haveDied(this.process === null ? [] : [this.process])
    return hasDied ? '' : '; the process does not die'
  }

  protected override failure() {
    return startFailure({
      step: 'exec',
      command: this.record.command,
      runtimeLog: readFact(this.paths.runtimeLog) ?? '',
      shimLog: readFact(this.paths.shimLog) ?? '',
      otherwise: 'the shim ended before the process was started',
    })
  }

  #status(): ExecState['status'] {
    if (this.exit !== null) return 'stopped'
    return this.process === null ? 'creating' : 'running'
  }

  #about(): Pick<ExecState, 'id' | 'execId' | 'runId'> {
    const { id, execId, runId } = this.record
    return { id, execId, runId }
  }
}
