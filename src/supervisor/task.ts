/** One task: a container's first process under its shim, and the execs beside it. */
import { cgroupDirectories, isFrozen, killCgroup } from './cgroup.ts'
import type { Exec } from './exec.ts'
import { startFailure } from './failure.ts'
import type { ExitStatus, ProcessIdentity, TaskState } from './port.ts'
import { killProcess, killRuntime } from './shim.ts'
import { type FollowOptions, ShimmedProcess } from './shimmed-process.ts'
import { readFact, type TaskPaths, type TaskRecord } from './task-directory.ts'

export interface TaskOptions extends FollowOptions {
  readonly record: TaskRecord
  readonly paths: TaskPaths
}

export class Task extends ShimmedProcess<TaskPaths> {
  readonly record: TaskRecord
  /** Of the task's control group, in every hierarchy. */
  readonly cgroup: readonly string[]
  /** Aborted when the task is deleted: ends the runtime's commands for it. */
  readonly cancel = new AbortController()
  /** Known before it is written down. */
  newStart: string | undefined
  /** By their ids. */
  readonly execs = new Map<string, Exec>()

  constructor(options: TaskOptions) {
    super(options.paths, options)
    this.record = options.record
    this.cgroup = cgroupDirectories({ id: options.record.id, path: options.record.cgroupsPath })
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
      oomKilled: this.oomKilled,
      exit: this.exit,
    }
  }

  override [Symbol.dispose](): void {
    for (const exec of this.execs.values()) exec[Symbol.dispose]()
    super[Symbol.dispose]()
  }

  protected override get name(): string {
    return this.record.id
  }

  protected override get oomKilled(): boolean {
    return readFact(this.paths.oom) !== undefined
  }

  protected override get startedAt(): string | undefined {
    return this.newStart ?? readFact(this.paths.started)
  }

  protected override told(line: string): void {
    if (line === 'oom') this.publish({ type: 'oom', ...this.#about() })
  }

  protected override began({ pid }: ProcessIdentity): void {
    this.publish({ type: 'pid-recorded', pid, task: this.record, ...this.#about() })
  }

  /** The kernel ends what is in the container's pid namespace; where that is the host's, the execs are ended here. */
  protected override finished({ pid }: ProcessIdentity, exit: ExitStatus): void {
    for (const exec of this.execs.values()) exec.end()
    this.publish({ type: 'exited', pid, exit, ...this.#about() })
  }

  protected override async abandon(): Promise<string> {
    killProcess(this.shim)
    if (this.process === null) await killRuntime(this.paths)
    else killProcess(this.process)
    const survivors = await killCgroup(this.cgroup)
    return survivors.length === 0 ? '' : `; processes ${survivors.join(' ')} do not die`
  }

  protected override failure() {
    return startFailure({
      step: 'create',
      command: this.record.command,
      runtimeLog: readFact(this.paths.runtimeLog) ?? '',
      shimLog: readFact(this.paths.shimLog) ?? '',
      otherwise: 'the shim ended before the container was created',
    })
  }

  #status(): TaskState['status'] {
    if (this.exit !== null) return 'stopped'
    if (this.process === null) return 'creating'
    if (isFrozen(this.cgroup)) return 'paused'
    return readFact(this.paths.started) === undefined ? 'created' : 'running'
  }

  #about(): { readonly id: string; readonly runId: string } {
    return { id: this.record.id, runId: this.record.runId }
  }
}
