/**
 * A supervisor in another process. Every step of the port may be repeated, so a call that the supervisor's death cut off is made again
 * until it is back or patience ends; `wait` and `events` have no end to their patience.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { TallyError } from '../../errors.ts'
import type { ExitStatus, Supervisor, SupervisorEvent, TaskSpec } from '../port.ts'
import { signalNumber } from '../signals.ts'
import { Channel } from './channel.ts'
import { fromEvent, fromExit, fromProcess, fromTask, toStartShim } from './messages.ts'
import { proto } from './proto.ts'

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

  async startShim(task: TaskSpec) {
    const request = toStartShim(task)
    const { shim } = await persist(() => this.#channel.call(this.#own.StartShim, request))
    return fromProcess(shim)
  }

  async awaitPid(id: string) {
    const { process } = await persist(() => this.#channel.call(this.#own.AwaitPid, { id }))
    return fromProcess(process)
  }

  startProcess(id: string) {
    return persist(() => this.#channel.call(this.#own.StartProcess, { id }))
  }

  async wait(id: string, signal?: AbortSignal): Promise<ExitStatus> {
    const attempt = () => this.#channel.call(this.#own.Wait, { id }, signal)
    return fromExit(await persist(attempt, { patience: Number.POSITIVE_INFINITY, signal }))
  }

  /** Sent once, but for SIGKILL: a signal that is sent twice is two signals. So the connection has to stand first. */
  async kill(id: string, signalName: string): Promise<void> {
    const signal = signalNumber(signalName)
    const send = () => this.#channel.call(this.#tasks.Kill, { containerId: id, signal })
    if (signal === SIGKILL) await persist(send)
    else await this.#channel.ready(patienceMilliseconds).then(send)
  }

  async pause(id: string): Promise<void> {
    await persist(() => this.#channel.call(this.#tasks.Pause, { containerId: id }))
  }

  async resume(id: string): Promise<void> {
    await persist(() => this.#channel.call(this.#tasks.Resume, { containerId: id }))
  }

  async delete(id: string): Promise<void> {
    await persist(() => this.#channel.call(this.#own.Delete, { id }))
  }

  async closeStdin(id: string): Promise<void> {
    await persist(() => this.#channel.call(this.#tasks.CloseIO, { containerId: id, stdin: true }))
  }

  async attachOutput(id: string): Promise<void> {
    await persist(() => this.#channel.call(this.#own.AttachOutput, { id }))
  }

  async resize(id: string, size: { readonly width: number; readonly height: number }): Promise<void> {
    await persist(() => this.#channel.call(this.#tasks.ResizePty, { containerId: id, ...size }))
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

  /** What happens while the supervisor is away is missed. */
  async *events(signal: AbortSignal): AsyncGenerator<SupervisorEvent> {
    while (!signal.aborted) {
      try {
        for await (const event of this.#channel.stream(this.#own.Watch, {}, signal)) yield fromEvent(event)
      } catch (error) {
        if (!isUnavailable(error)) throw error
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
