/** What clients ask of the daemon, and what has to be in the log, safe against a power cut, when one is answered that it was done. */
import type { ContainerEvent } from '../../machines/container-events.ts'
import type { ExecConfig } from '../../machines/exec-events.ts'
import type { Engine } from '../../src/engine/port.ts'
import { TallyError } from '../../src/errors.ts'
import type { Audit } from './audit.ts'
import { commandOf } from './program.ts'
import type { SimulatedDaemon } from './simulated-daemon.ts'
import type { Question } from './steps.ts'
import { Violation } from './violation.ts'

type EventType = ContainerEvent['type']

/** What the log must have of the time since the question. A restart's or start's end is that the process runs; a stop's that it was released. */
const proofs: Readonly<Record<Question['what'], readonly EventType[]>> = {
  create: ['ContainerCreated'],
  start: ['ProcessStarted'],
  restart: ['ProcessStarted'],
  attach: [],
  stop: ['StopRequested', 'Released'],
  kill: ['KillRequested'],
  pause: ['PauseRequested', 'Paused'],
  unpause: ['ResumeRequested', 'Resumed'],
  update: ['UpdateRequested'],
  rename: ['ContainerRenamed'],
  remove: ['RemoveRequested', 'Removed'],
  wait: [],
  exec: [],
}

/** Of a container that waits for its next start: nothing has to be released. */
const withoutRun: typeof proofs = { ...proofs, stop: ['StopRequested'] }

interface Answered {
  readonly since: number
  readonly id: string
  readonly needed: readonly EventType[]
}

export interface QuestionPorts {
  readonly audit: Audit
  readonly syncedHead: () => number
  readonly closing: AbortSignal
}

export class Questions {
  readonly #ports: QuestionPorts
  readonly #open = new Set<Question>()
  readonly answers = new Map<string, number>()
  violation: unknown

  constructor(ports: QuestionPorts) {
    this.#ports = ports
  }

  get open(): readonly Question[] {
    return [...this.#open]
  }

  /** The daemon is gone and with it whoever was connected. */
  forget(): void {
    this.#open.clear()
  }

  /** @returns whether it was done; never, if the daemon is not there. */
  async ask(daemon: SimulatedDaemon, question: Question): Promise<boolean> {
    const { running, store } = daemon
    if (running === undefined || daemon.killed) return false
    const since = store.events.head()
    const row = store.containers.byName(question.name) ?? store.containers.byId(question.name)
    const id = row?.id
    const needed = row?.state.value === 'restarting' ? withoutRun : proofs
    this.#open.add(question)
    try {
      const about = await this.#put(running.engine, question, id)
      if (!daemon.killed)
        this.#checkAnswer(question, { since, id: about ?? '', needed: needed[question.what] })
      return !daemon.killed
    } catch (error) {
      if (!daemon.killed) this.#checkRefusal(question, error)
      return false
    } finally {
      this.#open.delete(question)
    }
  }

  #checkAnswer(question: Question, { since, id, needed }: Answered): void {
    this.#count(question, 'done')
    const { audit, syncedHead } = this.#ports
    const range = [since, syncedHead()] as const
    const missing = needed.filter((type) => !audit.has(id, type, range))
    const told = (): string =>
      `${JSON.stringify(question)} was answered without a durable ${missing.join(', ')}`
    Violation.unless(6, missing.length === 0, told)
  }

  #checkRefusal(question: Question, error: unknown): void {
    this.#count(question, 'refused')
    if (error instanceof TallyError) return
    const told = `${JSON.stringify(question)} was answered with ${error}`
    this.violation ??= error instanceof Violation ? error : new Violation(0, told, error)
  }

  #count({ what }: Question, how: string): void {
    const key = `${what} ${how}`
    this.answers.set(key, (this.answers.get(key) ?? 0) + 1)
  }

  /** @returns whom the answer is about. */
  async #put(engine: Engine, question: Question, id: string | undefined): Promise<string | undefined> {
    const { name } = question
    switch (question.what) {
      case 'create':
        return (await engine.create(requestOf(question), origin)).id
      case 'start':
        await engine.start(name, origin)
        return id
      case 'restart':
        await engine.restart(name, { timeoutSeconds: 1 }, origin)
        return id
      case 'stop':
        await engine.stop(name, { timeoutSeconds: question.timeoutSeconds }, origin)
        return id
      case 'kill':
        await engine.kill(name, question.signal, origin)
        return id
      case 'pause':
        await engine.pause(name, origin)
        return id
      case 'unpause':
        await engine.unpause(name, origin)
        return id
      case 'update':
        await engine.update(name, question.update, origin)
        return id
      case 'rename':
        await engine.rename(name, question.to, origin)
        return id
      case 'remove':
        await engine.remove(name, { force: question.force, volumes: true }, origin)
        return id
      case 'attach':
        await this.#attach(engine, name)
        return id
      case 'wait':
        await this.#wait(engine, question, id ?? '')
        return id
      case 'exec':
        await this.#exec(engine, question)
        return id
    }
  }

  async #attach(engine: Engine, name: string): Promise<void> {
    const { ended } = await engine.attach(name, {}, origin, this.#ports.closing)
    await ended
  }

  /** Detached, as one who may go on when nobody waits for it. */
  async #exec(
    engine: Engine,
    { name, program }: Extract<Question, { readonly what: 'exec' }>,
  ): Promise<void> {
    const { audit, syncedHead } = this.#ports
    const id = await engine.execs.create(name, execConfig(commandOf(program)), origin)
    const since = syncedHead()
    await engine.execs.start(id, {}, origin, new AbortController().signal)
    const hasStarted = audit.execs.hasStarted(id, [since, syncedHead()])
    Violation.unless(6, hasStarted, () => `exec ${id} was answered without a durable ExecStarted`)
  }

  async #wait(
    engine: Engine,
    { name, condition }: Extract<Question, { readonly what: 'wait' }>,
    id: string,
  ): Promise<void> {
    const { result } = await engine.wait(name, condition, this.#ports.closing)
    const { exitCode } = await result
    const isTrue = this.#ports.audit.exitCodes(id).has(exitCode)
    Violation.unless(3, isTrue, () => `who waited for ${id} was told ${exitCode}, which is in no event`)
  }
}

const execConfig = (Cmd: readonly string[]): ExecConfig => ({
  ...{ Cmd, Env: [], User: '', WorkingDir: '', Privileged: false, Tty: false },
  ...{ AttachStdin: false, AttachStdout: false, AttachStderr: false },
})

export const origin = { requestId: 'simulated', request: 'a simulated client' }

/** All of them share a volume; every other one has one of its own, without a name. */
const requestOf = ({
  name,
  program,
  autoRemove,
  restart,
}: Extract<Question, { readonly what: 'create' }>) => ({
  name,
  config: {
    ...{ Image: 'busybox', Cmd: commandOf(program) },
    Volumes: /[02468]$/.test(name) ? { '/own': {} } : {},
  },
  hostConfig: { AutoRemove: autoRemove, Binds: ['shared:/shared'], RestartPolicy: restart },
})
