/**
 * A supervisor in another process. Every step of the port may be repeated, so a call that the supervisor's death cut off is made again
 * until it is back or patience ends; `wait` and `events` have no end to their patience.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { TallyError } from '../../errors.ts'
import type {
  ExecSpec,
  ExitStatus,
  ProcessRef,
  Resources,
  Size,
  Supervisor,
  SupervisorEvent,
  TaskSpec,
  TaskState,
} from '../port.ts'
import { signalNumber } from '../signals.ts'
import { Channel } from './channel.ts'
import { fromEvent, fromExec, fromExit, fromProcess, fromTask, toStartExec, toStartShim } from './messages.ts'
import { packJson, proto } from './proto.ts'
import { toContainerRequest, toTaskRequest } from './references.ts'
import { fromStats } from './stats-message.ts'

/** @param socket absolute path of the supervisor's unix socket. */
export function connectSupervisor(socket: string): Supervisor & AsyncDisposable {
  return new RemoteSupervisor(new Channel(socket))
}

/** How long a restart of the supervisor may take before a step answers `unavailable`, and how long to wait between attempts. */
const patienceMilliseconds = 10_000
const pauseMilliseconds = 50

const SIGKILL = 9

class RemoteSupervisor implements Supervisor, AsyncDisposable {
  readonly #channel: Channel
  readonly #own = proto.tallyman.supervisor.v1.Supervisor.service
  readonly #tasks = proto.containerd.services.tasks.v1.Tasks.service
  readonly #version = proto.containerd.services.version.v1.Version.service

  constructor(channel: Channel) {
    this.#channel = channel
  }

  async startShim(task: TaskSpec, signal?: AbortSignal) {
    const request = toStartShim(task)
    const attempt = () => this.#channel.call(this.#own.StartShim, request, signal)
    const { shim } = await persist(attempt, { signal })
    return fromProcess(shim)
  }

  async startExec(exec: ExecSpec) {
    const request = toStartExec(exec)
    const { shim } = await persist(() => this.#channel.call(this.#own.StartExec, request))
    return fromProcess(shim)
  }

  async awaitPid(of: ProcessRef) {
    const { process } = await persist(() => this.#channel.call(this.#own.AwaitPid, toTaskRequest(of)))
    return fromProcess(process)
  }

  startProcess(id: string) {
    return persist(() => this.#channel.call(this.#own.StartProcess, { id }))
  }

  async wait(of: ProcessRef, signal?: AbortSignal): Promise<ExitStatus> {
    const attempt = () => this.#channel.call(this.#own.Wait, toTaskRequest(of), signal)
    return fromExit(await persist(attempt, { patience: Number.POSITIVE_INFINITY, signal }))
  }

  /** Sent once, but for SIGKILL: a signal that is sent twice is two signals. So the connection has to stand first. */
  async kill(of: ProcessRef, signalName: string): Promise<void> {
    const signal = signalNumber(signalName)
    const send = () => this.#channel.call(this.#tasks.Kill, { ...toContainerRequest(of), signal })
    if (signal === SIGKILL) await persist(send)
    else await this.#channel.ready(patienceMilliseconds).then(send)
  }

  async pause(id: string): Promise<void> {
    await persist(() => this.#channel.call(this.#tasks.Pause, { containerId: id }))
  }

  async resume(id: string): Promise<void> {
    await persist(() => this.#channel.call(this.#tasks.Resume, { containerId: id }))
  }

  async delete(of: ProcessRef): Promise<void> {
    await persist(() => this.#channel.call(this.#own.Delete, toTaskRequest(of)))
  }

  async closeStdin(of: ProcessRef): Promise<void> {
    await persist(() => this.#channel.call(this.#tasks.CloseIO, { ...toContainerRequest(of), stdin: true }))
  }

  async attachOutput(of: ProcessRef): Promise<void> {
    await persist(() => this.#channel.call(this.#own.AttachOutput, toTaskRequest(of)))
  }

  async resize(of: ProcessRef, size: Size): Promise<void> {
    await persist(() => this.#channel.call(this.#tasks.ResizePty, { ...toContainerRequest(of), ...size }))
  }

  async execs(id: string) {
    const { execs } = await persist(() => this.#channel.call(this.#own.ListExecs, { id }))
    return execs.map(fromExec)
  }

  async processes(id: string) {
    const { processes } = await persist(() => this.#channel.call(this.#tasks.ListPids, { containerId: id }))
    return processes.map(({ pid }) => pid)
  }

  async stats(id: string) {
    return fromStats(await persist(() => this.#channel.call(this.#own.Stats, { id })))
  }

  async update(id: string, resources: Resources): Promise<void> {
    const packed = packJson('opencontainers/runtime-spec/1/LinuxResources', JSON.stringify(resources))
    await persist(() => this.#channel.call(this.#tasks.Update, { containerId: id, resources: packed }))
  }

  async task(id: string) {
    try {
      return fromTask(await persist(() => this.#channel.call(this.#own.Get, { id })))
    } catch (error) {
      if (error instanceof TallyError && error.code === 'not-found') return undefined
      throw error
    }
  }

  async tasks() {
    const { tasks } = await persist(() => this.#channel.call(this.#own.List, {}))
    return tasks.map(fromTask)
  }

  async *events(signal: AbortSignal): AsyncGenerator<SupervisorEvent> {
    while (!signal.aborted) {
      try {
        yield* this.#eventsOfConnection(signal)
      } catch (error) {
        if (!signal.aborted && !isUnavailable(error)) throw error
      }
      await rest(signal)
    }
  }

  version() {
    return persist(() => this.#channel.call(this.#version.Version, {}))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channel.close()
  }

  /** Looks at the tasks once what they do is in the stream, so that nothing falls between. */
  async *#eventsOfConnection(signal: AbortSignal): AsyncGenerator<SupervisorEvent> {
    const done = new AbortController()
    try {
      const until = AbortSignal.any([signal, done.signal])
      const changes = await this.#channel.stream(this.#own.Watch, {}, until)
      yield* (await this.tasks()).flatMap(presentState)
      for await (const event of changes) yield fromEvent(event)
    } finally {
      done.abort()
    }
  }
}

function presentState({ id, runId, status, oomKilled }: TaskState): readonly SupervisorEvent[] {
  const oom = oomKilled ? [{ type: 'oom', id, runId } as const] : []
  if (status === 'paused') return [...oom, { type: 'paused', id, runId }]
  return status === 'running' ? [...oom, { type: 'resumed', id, runId }] : oom
}

interface Persistence {
  readonly patience?: number
  readonly signal?: AbortSignal | undefined
}

async function persist<T>(attempt: () => Promise<T>, options: Persistence = {}): Promise<T> {
  const { patience = patienceMilliseconds, signal } = options
  let givesUp: number | undefined
  for (;;) {
    signal?.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      signal?.throwIfAborted()
      givesUp ??= performance.now() + patience
      if (!isUnavailable(error) || performance.now() > givesUp) throw error
    }
    await sleep(pauseMilliseconds)
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof TallyError && error.code === 'unavailable'
}

function rest(signal: AbortSignal): Promise<void> {
  return sleep(pauseMilliseconds, undefined, { signal }).catch(() => {})
}
