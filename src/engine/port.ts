/**
 * The engine as the API sees it: commands, queries and streams. References are Docker's: a name, an id or a unique beginning of an id.
 *
 * Every command answers only when its events are durable. All of them throw TallyError: not-found `No such container: x`, not-modified
 * (start of a running one, stop of a stopped one), conflict, bad-request or internal, in Docker's wording.
 */
import type { Readable, Writable } from 'node:stream'
import type { ContainerContext } from '../../machines/container-context.ts'
import type { ContainerEvent } from '../../machines/container-events.ts'
import type { Prunable } from '../../machines/daemon-events.ts'
import type { ExecConfig } from '../../machines/exec-events.ts'
import type { ContainerConfig, HostConfig } from '../../machines/spec.ts'
import type { PathStat } from '../archive/path-stat.ts'
import type { TreeChange } from '../archive/tree-changes.ts'
import type { Images } from '../images/port.ts'
import type { Origin } from '../origin.ts'
import type { MessageRow, RecordedEvent } from '../store/port.ts'
import type { Size } from '../supervisor/port.ts'
import type { Volumes } from '../volumes/port.ts'
import type { ProcessTable } from './process-table.ts'
import type { Update } from './update.ts'
import type { Usage } from './usage.ts'

/** What a client asks for; the engine merges the image's config into it and fills Docker's defaults. */
export interface CreateRequest {
  /** Absent: a name is made up. */
  readonly name?: string
  readonly config: Partial<ContainerConfig> & { readonly Image: string }
  readonly hostConfig: Partial<HostConfig>
}

/** Docker's own word for a state, `State.Status` of inspect. */
export type DockerStatus = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead'

/** One container as the log has it. */
export interface ContainerView {
  readonly id: string
  /** Without the leading slash. */
  readonly name: string
  readonly version: number
  readonly status: DockerStatus
  /** The container machine's state, dotted: `launching.shim-started`, `running`, `oom-killed`. */
  readonly milestone: string
  readonly context: ContainerContext
  readonly state: {
    readonly running: boolean
    readonly paused: boolean
    readonly oomKilled: boolean
    readonly dead: boolean
    /** 0 unless running. */
    readonly pid: number
    readonly exitCode: number
    readonly error: string
    /** RFC 3339; `0001-01-01T00:00:00Z` if never. */
    readonly startedAt: string
    readonly finishedAt: string
  }
}

export type WaitCondition = 'not-running' | 'next-exit' | 'removed'

export interface WaitResult {
  readonly exitCode: number
}

export interface AttachStreams {
  readonly stdin?: Readable
  readonly stdout?: Writable
  readonly stderr?: Writable
}

export interface Engine {
  readonly images: Images
  readonly volumes: Volumes
  readonly execs: ExecCommands
  create(
    request: CreateRequest,
    origin: Origin,
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }>
  start(ref: string, origin: Origin): Promise<void>
  /** @param options timeoutSeconds: default is the container's StopTimeout or 10; -1 for ever. signal: default the container's StopSignal. */
  stop(ref: string, options: StopOptions, origin: Origin): Promise<void>
  restart(ref: string, options: StopOptions, origin: Origin): Promise<void>
  /** @param signal a name with or without SIG, or a number; empty: SIGKILL. */
  kill(ref: string, signal: string, origin: Origin): Promise<void>
  /** Freezes all processes of the container. */
  pause(ref: string, origin: Origin): Promise<void>
  unpause(ref: string, origin: Origin): Promise<void>
  /** Changes limits and restart policy, those of a running container at once. Answers with warnings. */
  update(ref: string, update: Update, origin: Origin): Promise<readonly string[]>
  rename(ref: string, name: string, origin: Origin): Promise<void>
  remove(
    ref: string,
    options: { readonly force: boolean; readonly volumes: boolean },
    origin: Origin,
  ): Promise<void>
  /** Resolves once the wait is registered (so headers can be sent); `result` when the condition holds. Stops waiting when `signal` aborts. */
  wait(
    ref: string,
    condition: WaitCondition,
    signal: AbortSignal,
  ): Promise<{ readonly result: Promise<WaitResult> }>
  /**
   * Joins the container's streams, also before it is started. Resolves once attached, so that nothing written after that is missed.
   * `ended` resolves when the container's streams end, `stdin` ends without StdinOnce, or `signal` aborts.
   */
  attach(
    ref: string,
    streams: AttachStreams,
    origin: Origin,
    signal: AbortSignal,
  ): Promise<{ readonly ended: Promise<void> }>
  /** For the record: a client left the container's streams by the detach keys. */
  detached(ref: string, origin: Origin): Promise<void>
  /** Sizes the container's terminal. @throws TallyError conflict unless it runs */
  resize(ref: string, size: Size, origin: Origin): Promise<void>
  /** What there is at a path in the container. @throws TallyError not-found `Could not find the file x in container y` */
  statPath(ref: string, path: string): Promise<PathStat>
  /** A tar of what there is at that path; the caller disposes of it. Events of the container's own show that it was read. */
  archive(ref: string, path: string, origin: Origin): Promise<FileArchive & { readonly stat: PathStat }>
  /** Unpacks a tar (plain or packed) into a directory of the container. */
  putArchive(ref: string, body: Readable, options: PutOptions, origin: Origin): Promise<void>
  /** What the container has changed of its image. */
  changes(ref: string): Promise<readonly TreeChange[]>
  /** A tar of all its files, without what is mounted in it; the caller disposes of it. */
  export(ref: string, origin: Origin): Promise<FileArchive>
  /** @returns the new image's id. */
  commit(ref: string, options: CommitRequest, origin: Origin): Promise<string>
  /** Its processes. @param psArgs options of ps(1). @throws TallyError conflict unless it runs, internal for what ps does not take */
  top(ref: string, psArgs: string, origin: Origin): Promise<ProcessTable>
  /** What the container uses now; undefined if it does not run. */
  usage(ref: string): Promise<Usage | undefined>
  /** The same each second, read once for all who follow, until the container is removed or `signal` aborts. */
  followUsage(ref: string, signal: AbortSignal): AsyncIterable<Usage | undefined>
  /** For the record: all unused ones of that kind were removed. */
  notePruned(kind: Prunable, reclaimed: number, origin: Origin): Promise<void>
  get(ref: string): ContainerView
  /** Not removed ones, the newest first. */
  list(): readonly ContainerView[]
  /** Docker's event messages in the time range; with `until` in the future (or absent) it follows until `signal` aborts. */
  messages(
    range: { readonly since?: bigint; readonly until?: bigint },
    signal: AbortSignal,
  ): AsyncIterable<MessageRow>
  /** The container's events; of a removed one by its full id. */
  history(ref: string): readonly RecordedEvent<ContainerEvent>[]
}

/** One more process in a container, as the log has it. */
export interface ExecView {
  readonly id: string
  readonly containerId: string
  readonly config: ExecConfig
  readonly running: boolean
  /** Null until it has ended. */
  readonly exitCode: number | null
  /** 0 until it has started. */
  readonly pid: number
}

export interface StartExecOptions {
  /** Absent: nobody is attached, its output goes nowhere. */
  readonly streams?: AttachStreams
  /** Of the client's terminal, rows and columns. */
  readonly consoleSize?: readonly [height: number, width: number]
}

/** Processes that are run in a container besides its own. Ids are whole. All throw TallyError not-found `No such exec instance: x`. */
export interface ExecCommands {
  /** @returns the exec's id. @throws TallyError conflict unless the container runs, bad-request without a command */
  create(ref: string, config: ExecConfig, origin: Origin): Promise<string>
  /** @throws TallyError conflict unless its container runs */
  require(id: string): void
  /** Answers when it runs; `ended` when it has ended and all its output is out, or `signal` aborts. @throws TallyError if it can't be started */
  start(
    id: string,
    options: StartExecOptions,
    origin: Origin,
    signal: AbortSignal,
  ): Promise<{ readonly ended: Promise<void> }>
  /** Notes that who was attached left by the detach keys. */
  detached(id: string, origin: Origin): Promise<void>
  /** Waits up to ten seconds for it to be started. @throws TallyError internal if it is not */
  resize(id: string, size: Size): Promise<void>
  /** Not of one that ended more than five minutes ago. */
  get(id: string): ExecView
  /** Ids of the container's execs that have not ended, by its full id. */
  of(containerId: string): readonly string[]
}

export interface CommitRequest {
  readonly repository?: string
  readonly tag?: string
  readonly author: string
  readonly comment: string
  /** A running container is paused meanwhile. */
  readonly pause: boolean
  /** Dockerfile instructions. */
  readonly changes: readonly string[]
  /** Instead of the container's own; what it leaves out is the container's. */
  readonly config?: Partial<ContainerConfig>
}

/** What `docker cp` asks. */
export interface PutOptions {
  readonly path: string
  /** A directory is not replaced by something else, nor the other way round. */
  readonly noOverwriteDirNonDir: boolean
  /** The files become those of the container's user. */
  readonly copyUidGid: boolean
}

/** A tar that comes. Until it is disposed of, the container's files stay mounted. */
export interface FileArchive extends AsyncDisposable {
  readonly chunks: AsyncIterable<Uint8Array>
}

export interface StopOptions {
  /** Absent: a client. */
  readonly by?: 'shutdown'
  readonly timeoutSeconds?: number
  readonly signal?: string
}
