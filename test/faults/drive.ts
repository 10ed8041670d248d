/** Leads one container of a daemon through commands. Whatever dies meanwhile is started again, and what was answered is remembered. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Life } from '../../machines/container-life.ts'
import { ApiClient } from '../e2e/api-client.ts'
import type { Daemon } from '../e2e/daemon.ts'
import { foldHistory, parseHistory, type Told } from './history.ts'

export type Command =
  | 'create'
  | 'start'
  | 'stop'
  | 'kill'
  | 'restart'
  | 'pause'
  | 'unpause'
  | 'rename'
  | 'remove'

interface DriveOptions {
  readonly twoProcesses: boolean
  /** So that nothing goes wrong with what is started again. */
  readonly disarm: () => void
  readonly after: () => Promise<void>
}

export class Drive implements Disposable {
  readonly daemon: Daemon
  /** Commands that were answered with success, in order. */
  readonly promised: Command[] = []
  /** Whether the process was killed behind the daemon's back. */
  hasKilled = false
  /** Ids of the execs that were created in it. */
  readonly execs: string[] = []
  /** Called after every step. */
  readonly #after: () => Promise<void>
  readonly #twoProcesses: boolean
  readonly #disarm: () => void
  #api: ApiClient
  #id = ''

  constructor(daemon: Daemon, { twoProcesses, disarm, after }: DriveOptions) {
    this.daemon = daemon
    this.#twoProcesses = twoProcesses
    this.#after = after
    this.#disarm = disarm
    this.#api = new ApiClient(daemon.socket)
  }

  get id(): string {
    return this.#id
  }

  /** As often as it takes until the container is there: one that was made unheard is found by its name. */
  async create(cmd: readonly string[], hostConfig: object = {}, config: object = {}): Promise<void> {
    const body = { ...config, Image: 'bb', Cmd: cmd, HostConfig: { NetworkMode: 'none', ...hostConfig } }
    for (let attempt = 0; attempt < 5 && this.#id === ''; attempt += 1) {
      const { status, text } = await this.ask('POST', '/containers/create?name=row', JSON.stringify(body))
      if (status === 201) this.promised.push('create')
      this.#id =
        JSON.parse(status === 201 ? text : (await this.ask('GET', '/containers/row/json')).text).Id ?? ''
    }
    if (this.#id === '') throw new Error('the container could not be created')
    await this.#after()
  }

  /** Sends the command once, whatever comes of it. @returns the status; 0: nobody answered. */
  async step(command: Exclude<Command, 'create'>, query = ''): Promise<number> {
    const status = await this.send(command, query)
    await this.#after()
    return status
  }

  /** A step that nothing is held against yet, because the scenario still keeps the world from being true. */
  async send(command: Exclude<Command, 'create'>, query: string): Promise<number> {
    const path = command === 'remove' ? '' : `/${command}`
    const method = command === 'remove' ? 'DELETE' : 'POST'
    const { status } = await this.ask(method, `/containers/${this.#id}${path}${query}`)
    if (status === 204) this.promised.push(command)
    return status
  }

  /** A daemon that died of the request, or before, is started again. */
  async ask(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
    await this.revive()
    const answered = new AbortController()
    void this.#watchSupervisor(answered.signal)
    try {
      return await this.#api.send(method, path, body)
    } catch {
      // A daemon that is killed loses its connections a moment before it is gone.
      await sleep(50)
      await this.revive()
      return { status: 0, text: '{}' }
    } finally {
      answered.abort()
    }
  }

  /** A supervisor of its own that dies is started again while the daemon still works at its answer, which may need it. */
  async #watchSupervisor(answered: AbortSignal): Promise<void> {
    while (this.#twoProcesses && !answered.aborted) {
      await sleep(200)
      if (answered.aborted || isThere(this.daemon.supervisorPid)) continue
      this.#disarm()
      await this.daemon.startSupervisor().catch(() => undefined)
    }
  }

  /** Starts what has died, without a fault. */
  async revive(): Promise<void> {
    const { daemon } = this
    await sleep(1)
    if (isThere(daemon.pid) && (!this.#twoProcesses || isThere(daemon.supervisorPid))) return
    this.#disarm()
    if (this.#twoProcesses) await daemon.startSupervisor()
    if (!isThere(daemon.pid)) await daemon.launch()
    this.#reconnect()
  }

  /** The connections that it keeps are those to the daemon before. */
  #reconnect(): void {
    this.#api[Symbol.dispose]()
    this.#api = new ApiClient(this.daemon.socket)
  }

  /** @returns its id; empty if the daemon did not say so. */
  async createExec(body: object): Promise<string> {
    const { status, text } = await this.ask('POST', `/containers/${this.#id}/exec`, JSON.stringify(body))
    if (status !== 201) return ''
    const { Id } = JSON.parse(text)
    this.execs.push(Id)
    return Id
  }

  /** A question, which may be put again if nobody answered. */
  async read(path: string): Promise<{ status: number; text: string }> {
    const answer = await this.ask('GET', path)
    if (answer.status !== 0) return answer
    this.#reconnect()
    return this.ask('GET', path)
  }

  async history(): Promise<readonly Told[]> {
    const { status, text } = await this.read(`/tally/containers/${this.#id}/events`)
    if (status !== 200) throw new Error(`no history: ${status} ${text}`)
    return parseHistory(text)
  }

  async life(): Promise<Life> {
    return foldHistory(await this.history())
  }

  /** Waits until the log says so; false if it never does. */
  async until(holds: (life: Life, history: readonly Told[]) => boolean, patience = 30_000): Promise<boolean> {
    const end = performance.now() + patience
    while (performance.now() < end) {
      const history = await this.history()
      if (holds(foldHistory(history), history)) return true
      await sleep(50)
    }
    return false
  }

  /** A step that is not a command to the daemon. */
  async otherwise(work: () => Promise<unknown>): Promise<void> {
    await work()
    await this.revive()
    await this.#after()
  }

  [Symbol.dispose](): void {
    this.#api[Symbol.dispose]()
  }
}

const isThere = (pid: number): boolean => pid > 0 && existsSync(`/proc/${pid}`)
