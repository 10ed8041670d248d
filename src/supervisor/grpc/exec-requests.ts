/**
 * Execs as containerd's clients make them: asked for first, waited for next, started last. Between Exec and Start one is kept here only, as
 * containerd's shim does: nothing of it is in the world yet.
 */
import { TallyError } from '../../errors.ts'
import { abortable } from '../abortable.ts'
import type { LocalSupervisor } from '../local-port.ts'
import type { ExecRef, ExecSpec, ExitStatus } from '../port.ts'

interface Request {
  readonly spec: ExecSpec
  readonly started: PromiseWithResolvers<void>
}

export class ExecRequests {
  readonly #supervisor: LocalSupervisor
  readonly #requests = new Map<string, Request>()

  constructor(supervisor: LocalSupervisor) {
    this.#supervisor = supervisor
  }

  /** @throws TallyError already-exists, not-found without such a task. */
  async add(spec: ExecSpec): Promise<void> {
    const execs = await this.#supervisor.execs(spec.id)
    if (this.#requests.has(keyOf(spec)) || execs.some(({ execId }) => execId === spec.execId))
      throw new TallyError('already-exists', `id ${spec.execId}: already exists`)
    const started = Promise.withResolvers<void>()
    started.promise.catch(() => {})
    this.#requests.set(keyOf(spec), { spec, started })
  }

  /** Also one that runs already: then it answers its pid again. @throws TallyError like the port's `startExec` and `awaitPid`. */
  async start(ref: ExecRef): Promise<number> {
    const request = this.#requests.get(keyOf(ref))
    if (request !== undefined) await this.#launch(request)
    const { pid } = await this.#supervisor.awaitPid(ref)
    return pid
  }

  async wait(ref: ExecRef, signal: AbortSignal): Promise<ExitStatus> {
    const request = this.#requests.get(keyOf(ref))
    if (request !== undefined) await abortable(request.started.promise, signal)
    return this.#supervisor.wait(ref, signal)
  }

  /** Whether it was asked for and not started. */
  has(ref: ExecRef): boolean {
    return this.#requests.has(keyOf(ref))
  }

  forget(ref: ExecRef): void {
    const key = keyOf(ref)
    this.#requests.get(key)?.started.reject(new TallyError('not-found', `exec ${ref.execId}: not found`))
    this.#requests.delete(key)
  }

  /** Drops what was asked for in a task that is gone. */
  forgetTask(id: string): void {
    for (const { spec } of this.#requests.values()) if (spec.id === id) this.forget(spec)
  }

  async #launch({ spec, started }: Request): Promise<void> {
    await this.#supervisor.startExec(spec)
    this.#requests.delete(keyOf(spec))
    started.resolve()
  }
}

const keyOf = ({ id, execId }: ExecRef): string => `${id}/${execId}`
