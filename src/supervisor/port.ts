/**
 * The supervisor as the engine sees it (containerd's role). Implemented in this process by `local.ts` and over gRPC by `client.ts`;
 * both pass the same contract tests.
 *
 * Glossary. *Task*: one started container, named by its container id. *Shim*: the process that is the parent of the task's
 * first process. *Run id*: names one start; a task that was left over from an earlier run is never mistaken for this one's. *Exec*: one
 * more process in a task that runs, with a shim of its own.
 *
 * Life cycle: `startShim` → `awaitPid` → `startProcess` → (`kill`, `pause`, `resume`, `wait`)* → `delete`; of an exec, which runs at once:
 * `startExec` → `awaitPid` → (`kill`, `wait`)* → `delete`. Each is idempotent: called again with the same run id or exec id after a crash of
 * either side it finds what is already done and answers as the first call would have.
 *
 *     await supervisor.startShim(task)
 *     const { pid } = await supervisor.awaitPid(task.id)
 *     await supervisor.startProcess(task.id)
 *     const { exitCode } = await supervisor.wait(task.id)
 *     await supervisor.delete(task.id)
 */

export interface LogTarget {
  readonly driver: 'json-file' | 'none'
  /** Absolute path of the json-file log. */
  readonly path: string
  /** Bytes at which the file is rotated; 0: never. */
  readonly maxSize: number
  /** How many files are kept, the one being written included. */
  readonly maxFile: number
}

/** Absolute paths of named pipes made by the caller; absent: the stream is /dev/null (stdin) or goes to the log only. */
export interface Stdio {
  readonly stdin?: string
  readonly stdout?: string
  readonly stderr?: string
}

/** Of a terminal, in columns and rows. */
export interface Size {
  readonly width: number
  readonly height: number
}

export interface TaskSpec {
  readonly id: string
  readonly runId: string
  /** Absolute path of the OCI bundle. */
  readonly bundle: string
  readonly stdio: Stdio
  readonly terminal: boolean
  /** What the terminal begins with; absent: 0 by 0, as for a terminal that nobody sized. */
  readonly consoleSize?: Size
  readonly log: LogTarget | null
  /** Absolute path or name of the OCI runtime's binary. */
  readonly runtime: string
}

/** Names an exec'd process. */
export interface ExecRef {
  readonly id: string
  readonly execId: string
}

/** A container id names its task's first process. */
export type ProcessRef = string | ExecRef

export interface ExecSpec extends ExecRef {
  /** The run of the task that it belongs to. */
  readonly runId: string
  /** `process` of the OCI runtime specification; its `terminal` and `consoleSize` are set from what is below. */
  readonly process: OciProcess
  readonly stdio: Stdio
  readonly terminal: boolean
  readonly consoleSize?: Size
}

/** What the supervisor looks at; the rest is the runtime's business. */
export interface OciProcess {
  readonly args?: readonly string[]
  readonly [field: string]: unknown
}

/** A process named so that a reused pid is noticed: field 22 of /proc/<pid>/stat, proc(5). */
export interface ProcessIdentity {
  readonly pid: number
  readonly startTicks: string
}

export interface ExitStatus {
  /** 128 + signal number for a process ended by a signal; 255 if unknown. */
  readonly exitCode: number
  /** RFC 3339 with nanoseconds. */
  readonly exitedAt: string
  readonly oomKilled: boolean
  /** Why the code is unknown, if it is. */
  readonly reason?: string
}

export interface TaskState {
  readonly id: string
  readonly runId: string
  readonly bundle: string
  readonly status: 'creating' | 'created' | 'running' | 'paused' | 'stopped'
  readonly shim: ProcessIdentity
  readonly process: ProcessIdentity | null
  /** Whether the kernel has ended a process of it for want of memory, not necessarily the first one. */
  readonly oomKilled: boolean
  readonly exit: ExitStatus | null
}

export interface ExecState extends ExecRef {
  readonly runId: string
  readonly status: 'creating' | 'running' | 'stopped'
  readonly shim: ProcessIdentity
  readonly process: ProcessIdentity | null
  readonly exit: ExitStatus | null
}

/** What a task has used and may use, as its control group says, cgroups(7). What the host does not account is 0 or empty. */
export interface TaskStats {
  readonly cgroup: 'v1' | 'v2'
  /** RFC 3339 with nanoseconds. */
  readonly readAt: string
  readonly pids: {
    readonly current: number
    /** null: none. */
    readonly limit: number | null
  }
  readonly cpu: CpuStats
  readonly memory: MemoryStats
  readonly blkio: {
    readonly serviceBytes: readonly BlkioStat[]
    readonly serviced: readonly BlkioStat[]
  }
}

/** Nanoseconds. */
export interface CpuStats {
  readonly total: number
  readonly user: number
  readonly system: number
  /** Of each processor; v1 only. */
  readonly perCpu: readonly number[]
  readonly periods: number
  readonly throttledPeriods: number
  readonly throttledTime: number
}

/** Bytes. */
export interface MemoryStats {
  readonly usage: number
  /** null: none. */
  readonly limit: number | null
  /** v1 only. */
  readonly maxUsage: number
  /** How often the limit was hit: memory.failcnt (v1), `max` in memory.events (v2). */
  readonly failures: number
  /** memory.stat as it is. */
  readonly stat: Readonly<Record<string, number>>
}

export interface BlkioStat {
  readonly major: number
  readonly minor: number
  /** As the kernel says it on v1: Read, Write and others; on v2 Read and Write. */
  readonly op: string
  readonly value: number
}

/** `linux.resources` of the OCI runtime specification: what is to change. */
export type Resources = Readonly<Record<string, unknown>>

/** What happens to tasks by itself or by another client. Exits are not here: `wait` tells them, also late. */
export type SupervisorEvent =
  | { readonly type: 'oom'; readonly id: string; readonly runId: string }
  | { readonly type: 'paused'; readonly id: string; readonly runId: string }
  | { readonly type: 'resumed'; readonly id: string; readonly runId: string }

export interface Supervisor {
  /**
   * Makes the task's directory and starts its shim, which begins `runc create` at once. With many at once it waits its turn first, and
   * leaves the queue when the signal aborts or the task is deleted.
   * @throws TallyError already-exists if the id has a task of another run; internal with `detail` if the shim can't be started.
   */
  startShim(task: TaskSpec, signal?: AbortSignal): Promise<ProcessIdentity>
  /**
   * Makes the exec's directory and starts its shim, which begins `runc exec` at once.
   * @throws TallyError not-found without such a task; conflict if it does not run, is paused or is of another run; internal like `startShim`.
   */
  startExec(exec: ExecSpec): Promise<ProcessIdentity>
  /**
   * Waits until `runc create` or `runc exec` is done and the pid is recorded.
   * @throws TallyError with `exitCode` 126, 127 or 128, `message` in Docker's wording and `detail` from shim-log.json and log.json.
   */
  awaitPid(of: ProcessRef): Promise<ProcessIdentity>
  /**
   * `runc start`. Answers when the user's program was exec'd, also if it has ended since.
   * @throws TallyError like `awaitPid`.
   */
  startProcess(id: string): Promise<{ readonly startedAt: string }>
  /** Answers when the process has ended; one that is not known any more answers 255 with a reason. */
  wait(of: ProcessRef, signal?: AbortSignal): Promise<ExitStatus>
  /** @param signalName `SIGTERM` or a number as text. @throws TallyError not-found if nothing runs. */
  kill(of: ProcessRef, signalName: string): Promise<void>
  pause(id: string): Promise<void>
  resume(id: string): Promise<void>
  /** Ends what is left of the task (processes, execs, runc's state, cgroup, directory) or of the exec. An unknown one is fine. */
  delete(of: ProcessRef): Promise<void>
  /** A process on pipes reads the end once all writers are gone; a terminal stays and gets no more. */
  closeStdin(of: ProcessRef): Promise<void>
  /** Asks the shim to open the stdout and stderr pipes again and to copy output to them from now on. */
  attachOutput(of: ProcessRef): Promise<void>
  resize(of: ProcessRef, size: Size): Promise<void>
  /** Those that are not deleted yet. @throws TallyError not-found */
  execs(id: string): Promise<readonly ExecState[]>
  /** Pids of all processes of a task, execs included, the first one's first. @throws TallyError not-found */
  processes(id: string): Promise<readonly number[]>
  /** @throws TallyError not-found if it does not run. */
  stats(id: string): Promise<TaskStats>
  /** Changes limits while it runs or is paused. @throws TallyError not-found if it does not run, internal if the runtime refuses. */
  update(id: string, resources: Resources): Promise<void>
  task(id: string): Promise<TaskState | undefined>
  tasks(): Promise<readonly TaskState[]>
  /**
   * Events from now on until `signal` aborts. Where some may have been missed, what is so is told instead (`resumed` of all that run), so
   * an event may say what its reader knows.
   */
  events(signal: AbortSignal): AsyncIterable<SupervisorEvent>
  /** Version and revision of what answers. */
  version(): Promise<{ readonly version: string; readonly revision: string }>
}
