/** The execs of the containers that are not removed: their registry, and the commands on them. */
import type { ExecConfig, ExecEvent } from '../../machines/exec-events.ts'
import { type ExecLife, foldExec, newExecLife } from '../../machines/exec-life.ts'
import { badRequest, conflict, TallyError } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { Random } from '../random.ts'
import type { EventStore, MessageRows } from '../store/port.ts'
import type { Size } from '../supervisor/port.ts'
import type { Timers } from '../timers.ts'
import { type ExecEffectPorts, performExec, streamTarget } from './exec-effects.ts'
import { ExecLifecycle } from './exec-lifecycle.ts'
import { projectExec, requireKnownExec } from './exec-messages.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { AttachStreams, ExecCommands, ExecView, StartExecOptions } from './port.ts'
import type { Registry } from './registry.ts'

export interface ExecPorts extends Omit<ExecEffectPorts, 'specOf'> {
  readonly events: EventStore
  readonly messages: MessageRows
  readonly registry: Pick<Registry, 'get'>
  readonly random: Random
  readonly timers: Timers
  readonly report: (message: string, fields: object) => void
}

const prefix = 'exec/'

export class Execs {
  readonly #ports: ExecPorts
  readonly #execs = new Map<string, ExecLifecycle>()
  readonly #closing = new AbortController()

  constructor(ports: ExecPorts) {
    this.#ports = ports
  }

  /** Brings back those of the containers that are there, and ends what is left of others. */
  recover(): void {
    for (const { stream, version } of this.#ports.events.streams(prefix)) {
      const events = this.#ports.events.read<ExecEvent>(stream).map(({ event }) => event)
      for (const event of events) requireKnownExec(event)
      const life = foldExec(events)
      const owner = this.#ports.registry.get(ownerOf(life))
      if (owner !== undefined || life.status !== 'done')
        this.#adopt(stream.slice(prefix.length), life, version, owner).resume()
    }
  }

  /** @param ref the container as the client called it. @returns the new exec's id. */
  async create(owner: Lifecycle, ref: string, config: ExecConfig, origin: Origin): Promise<string> {
    requireActive(owner, ref)
    const { id, name, spec, run } = owner.life.context
    if (spec === null || run === null) throw notRunning(id)
    const { Image: image, Labels: labels } = spec.config
    const execId = this.#ports.random.hex(32)
    const exec = this.#adopt(execId, newExecLife(), 0, owner)
    const container = { id, name, image, labels }
    exec.observe({ type: 'ExecCreated', id: execId, container, runId: run.id, config }, origin)
    await this.#ports.events.durable()
    return execId
  }

  /** @throws TallyError not-found; conflict if its container does not run. */
  require(id: string): void {
    const { life } = this.#find(id)
    const owner = this.#ports.registry.get(ownerOf(life))
    if (owner === undefined) throw noSuchExec(id)
    requireActive(owner, ownerOf(life))
  }

  /** Answers when it runs; `ended` when it has ended and all its output is out, or `signal` aborts. @throws TallyError if it can't be started. */
  async start(
    id: string,
    { streams, consoleSize }: StartExecOptions,
    origin: Origin,
    signal: AbortSignal,
  ): Promise<{ readonly ended: Promise<void> }> {
    this.require(id)
    const exec = this.#find(id)
    requireUnstarted(id, exec.life)
    // Joined before the effect, which begins at once, opens the pipes: no byte is missed.
    const session = streams && this.#attach(exec, streams, signal)
    exec.observe(
      { type: 'ExecStartRequested', detach: streams === undefined, ...(consoleSize && { consoleSize }) },
      origin,
    )
    const life = await exec.until(isUnderWay, AbortSignal.any([signal, this.#closing.signal]))
    if (life.context.failure !== null) throw startError(life.context.failure)
    await this.#ports.events.durable()
    return { ended: this.#ended(exec, (await session)?.ended, signal) }
  }

  async resize(id: string, size: Size): Promise<void> {
    this.require(id)
    const exec = this.#find(id)
    const { config } = createdIn(exec.life)
    if (exec.life.matches('created')) throw conflict(`exec ${id} is not started`)
    const life = await exec.until(isUnderWay, this.#closing.signal)
    if (config.Tty && life.matches('running'))
      await this.#ports.supervisor.resize({ id: ownerOf(life), execId: id }, size)
  }

  view(id: string): ExecView {
    const { life } = this.#find(id)
    const { process, exit, failure, asked } = life.context
    const { container, config } = createdIn(life)
    const code = exit?.exitCode ?? failure?.exitCode ?? null
    const running = asked !== null && code === null
    return { id, containerId: container.id, config, running, exitCode: code, pid: process?.pid ?? 0 }
  }

  /** Ids of the container's execs that have not ended. */
  of(containerId: string): readonly string[] {
    const all = [...this.#execs].filter(([, { life }]) => ownerOf(life) === containerId)
    return all.filter(([, { life }]) => !hasEnded(life)).map(([id]) => id)
  }

  /** Ends effects; processes go on. */
  async stop(): Promise<void> {
    this.#closing.abort()
    await Promise.all([...this.#execs.values()].map((exec) => exec.stop()))
  }

  #attach(exec: ExecLifecycle, streams: AttachStreams, signal: AbortSignal) {
    const target = streamTarget(this.#ports, exec.life)
    return this.#ports.streams.attach(target, streams, { running: false, signal })
  }

  async #ended(exec: ExecLifecycle, streams: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
    await streams
    await exec.until(hasEnded, AbortSignal.any([signal, this.#closing.signal])).catch(() => undefined)
  }

  #find(id: string): ExecLifecycle {
    const exec = this.#execs.get(id)
    if (exec === undefined) throw noSuchExec(id)
    return exec
  }

  #adopt(id: string, life: ExecLife, version: number, owner: Lifecycle | undefined): ExecLifecycle {
    const { timers, report } = this.#ports
    const exec = new ExecLifecycle(
      {
        record: (event, { life: after, version: next, origin }) =>
          this.#record(id, event, { life: after, version: next, origin }),
        perform: (effect, now, signal) => performExec(this.#effectPorts(), { effect, life: now }, signal),
        sleep: (delay, wake) => timers.after(delay, wake),
        report: (message, fields) => report(message, { exec: id, ...fields }),
      },
      life,
      version,
    )
    this.#execs.set(id, exec)
    this.#forgetWith(id, owner)
    return exec
  }

  /** An exec can be looked at until its container is removed. */
  #forgetWith(id: string, owner: Lifecycle | undefined): void {
    owner
      ?.until((life) => (life.matches('removed') ? true : undefined), this.#closing.signal)
      .then(() => this.#execs.delete(id))
      .catch(() => undefined)
  }

  #effectPorts(): ExecEffectPorts {
    const specOf = (id: string) => this.#ports.registry.get(id)?.life.context.spec ?? undefined
    return { ...this.#ports, specOf }
  }

  #record(
    id: string,
    event: ExecEvent,
    after: { readonly life: ExecLife; readonly version: number; readonly origin: Origin | undefined },
  ): void {
    const { events, messages } = this.#ports
    events.append<ExecEvent>({
      stream: `${prefix}${id}`,
      expectedVersion: after.version - 1,
      events: [event],
      ...(after.origin && { origin: after.origin }),
      project: (recorded) => {
        for (const one of recorded) projectExec(one, after.life, messages)
      },
    })
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
    resize: (id, size) => execs.resize(id, size),
    get: (id) => execs.view(id),
    of: (containerId) => execs.of(containerId),
  }
}

const createdIn = ({ context: { created } }: ExecLife) => {
  if (created === null) throw new TallyError('internal', 'an exec has no ExecCreated event')
  return created
}

const ownerOf = ({ context }: ExecLife): string => context.created?.container.id ?? ''
const hasEnded = ({ context }: ExecLife): boolean => context.exit !== null || context.failure !== null
const isUnderWay = (life: ExecLife): boolean => life.context.process !== null || hasEnded(life)

function requireActive({ life }: Lifecycle, ref: string): void {
  if (!life.matches('running')) throw notRunning(life.context.id)
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
const noSuchExec = (id: string): TallyError => new TallyError('not-found', `No such exec instance: ${id}`)
