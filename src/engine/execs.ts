/** The commands on execs, and what becomes of execs when their container's run ends. */
import type { ExecConfig } from '../../machines/exec-events.ts'
import type { ExecLife } from '../../machines/exec-life.ts'
import { badRequest, conflict, TallyError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { Random } from '../random.ts'
import type { ExecRef, Size } from '../supervisor/port.ts'
import { jobOf, streamTarget } from './exec-effects.ts'
import { createdIn, execViewOf, hasEnded, isUnderWay, ownerOf } from './exec-facts.ts'
import type { ExecLifecycle } from './exec-lifecycle.ts'
import { ExecRegistry, type ExecRegistryPorts } from './exec-registry.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { AttachStreams, ExecCommands, StartExecOptions } from './port.ts'
import { type ProbeResult, runProbe } from './probe.ts'

export interface ExecPorts extends ExecRegistryPorts {
  readonly random: Random
}

interface Attached {
  readonly streams: AttachStreams | undefined
  /** When they are. */
  readonly over: Promise<void> | undefined
}

/** How long a client that resizes waits for the exec to be started, in Docker. */
const startMilliseconds = 10_000

export class Execs {
  readonly #ports: ExecPorts
  readonly #closing = new AbortController()
  readonly registry: ExecRegistry

  constructor(ports: ExecPorts) {
    this.#ports = ports
    this.registry = new ExecRegistry(ports)
  }

  /** @param ref the container as the client called it. @returns the new exec's id. */
  async create(owner: Lifecycle, ref: string, config: ExecConfig, origin: Origin): Promise<string> {
    requireActive(owner, ref)
    const { id: ownerId, name, spec, run } = owner.life.context
    if (spec === null || run === null) throw notRunning(ownerId)
    const { Image: image, Labels: labels } = spec.config
    const id = this.#ports.random.hex(32)
    const container = { id: ownerId, name, image, labels }
    this.registry.create({ type: 'ExecCreated', id, container, runId: run.id, config }, origin)
    await this.#ports.events.durable()
    return id
  }

  /** @throws TallyError not-found; conflict if its container does not run. */
  require(id: string): void {
    this.#requireActive(this.find(id))
  }

  async start(
    id: string,
    { streams, consoleSize }: StartExecOptions,
    origin: Origin,
    signal: AbortSignal,
  ): Promise<{ readonly ended: Promise<void> }> {
    const exec = this.find(id)
    this.#requireActive(exec)
    requireUnstarted(id, exec.life)
    const detach = streams === undefined
    // Joined before the effect, which begins at once, opens the pipes: no byte is missed.
    const session = streams && this.#attach(exec, streams, signal)
    exec.observe({ type: 'ExecStartRequested', detach, ...(consoleSize && { consoleSize }) }, origin)
    const life = await exec.until(isUnderWay, this.#orClosing(signal))
    if (life.context.failure !== null) throw startError(life.context.failure)
    await this.#ports.events.durable()
    const { ended: over } = (await session) ?? {}
    return { ended: this.#ended(exec, { streams, over }, signal) }
  }

  async resize(id: string, size: Size): Promise<void> {
    const exec = this.find(id)
    this.#requireActive(exec)
    const life = await this.#untilStarted(exec)
    if (createdIn(life).config.Tty && life.matches('running'))
      await this.#ports.supervisor.resize({ id: ownerOf(life), execId: id }, size)
  }

  /** Ids of the container's execs that have not ended. */
  of(containerId: string): readonly string[] {
    const lives = this.registry.all().map(({ life }) => life)
    return lives
      .filter((life) => ownerOf(life) === containerId && !hasEnded(life))
      .map((life) => createdIn(life).id)
  }

  /** Answers when no process of an exec runs in the container any more. What its end has left of them is killed. */
  async endAll(containerId: string, signal: AbortSignal): Promise<void> {
    const running = this.registry.running(containerId)
    await Promise.all(running.map((exec) => this.#end(exec, signal)))
  }

  /**
   * Runs a command in the container without an exec that anybody can see: for health checks.
   * @throws TallyError conflict unless the container runs
   */
  async probe(
    owner: Lifecycle,
    command: readonly string[],
    timeoutMilliseconds: number,
    signal: AbortSignal,
  ): Promise<ProbeResult> {
    const { id, spec, run } = owner.life.context
    requireActive(owner, id)
    if (spec === null || run === null) throw notRunning(id)
    return runProbe(this.#ports, { id, runId: run.id, spec, command, timeoutMilliseconds }, signal)
  }

  /** @throws TallyError not-found */
  find(id: string): ExecLifecycle {
    const exec = this.registry.get(id)
    if (exec === undefined) throw new TallyError('not-found', `No such exec instance: ${id}`)
    return exec
  }

  /** What the supervisor calls it. @throws TallyError not-found */
  refOf(execId: string): ExecRef {
    return { id: ownerOf(this.find(execId).life), execId }
  }

  /** Ends effects; processes go on. */
  async stop(): Promise<void> {
    this.#closing.abort(new TallyError('unavailable', 'the daemon is shutting down'))
    await this.registry.stop()
  }

  /** Joins what is there once it is started: with streams, nobody is detached. */
  #attach({ life }: ExecLifecycle, streams: AttachStreams, signal: AbortSignal) {
    const target = streamTarget(this.#ports, { ...jobOf(life), attached: true })
    return this.#ports.streams.attach(target, streams, { running: false, signal })
  }

  /** Who has no more to type at a terminal leaves it, as in Docker; all others stay until the exec has ended. */
  async #ended(exec: ExecLifecycle, { streams, over }: Attached, signal: AbortSignal): Promise<void> {
    await over
    const { Tty } = createdIn(exec.life).config
    if (Tty && streams?.stdin?.readableEnded === true) return
    await exec.until(hasEnded, this.#orClosing(signal)).catch(() => undefined)
  }

  async #end(exec: ExecLifecycle, signal: AbortSignal): Promise<void> {
    const { execId, id } = jobOf(exec.life)
    await this.#ports.supervisor.kill({ id, execId }, 'SIGKILL').catch((error: unknown) => {
      if (!(error instanceof TallyError && error.code === 'not-found')) throw error
    })
    await exec.until(hasEnded, this.#orClosing(signal))
  }

  async #untilStarted(exec: ExecLifecycle): Promise<ExecLife> {
    const late = new AbortController()
    const cancel = this.#ports.timers.after(startMilliseconds, () =>
      late.abort(new TallyError('internal', 'timeout waiting for exec session ready')),
    )
    return exec.until(isUnderWay, this.#orClosing(late.signal)).finally(cancel)
  }

  #requireActive({ life }: ExecLifecycle): void {
    const owner = this.#ports.registry.get(ownerOf(life))
    if (owner !== undefined) requireActive(owner, ownerOf(life))
  }

  #orClosing(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal])
  }
}

/** The commands on execs as the engine's port has them. */
export function execCommands(execs: Execs, find: (ref: string) => Lifecycle): ExecCommands {
  return {
    async create(ref, config, origin) {
      if (config.Cmd.length === 0) throw badRequest('No exec command specified')
      return execs.create(find(ref), ref, config, origin)
    },
    require: (id) => execs.require(id),
    start: (id, how, origin, signal) => execs.start(id, how, origin, signal),
    detached: async (id, origin) => execs.find(id).observe({ type: 'ExecDetached' }, origin),
    resize: (id, size) => execs.resize(id, size),
    get: (id) => execViewOf(execs.find(id).life),
    of: (containerId) => execs.of(containerId),
  }
}

function requireActive({ life }: Lifecycle, ref: string): void {
  const { id } = life.context
  if (life.matches('restarting'))
    throw conflict(`Container ${id} is restarting, wait until the container is running`)
  if (!life.matches('running')) throw notRunning(id)
  if (life.matches({ running: { freezer: 'paused' } }))
    throw conflict(`Container ${ref} is paused, unpause the container before exec`)
}

function requireUnstarted(id: string, life: ExecLife): void {
  if (hasEnded(life)) throw conflict(`Error: Exec command ${id} has already run`)
  if (!life.matches('created')) throw conflict(`Error: Exec command ${id} is already running`)
}

const startError = ({ code, message }: { readonly code: string; readonly message: string }): TallyError =>
  new TallyError(code === 'bad-request' ? 'bad-request' : 'internal', message)

const notRunning = (id: string): TallyError => conflict(`Container ${id} is not running`)
