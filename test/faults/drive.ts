/** Leads one container of a daemon through commands. Whatever dies meanwhile is started again, and what was answered is remembered. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Life } from '../../machines/container-life.ts'
import { ApiClient } from '../e2e/api-client.ts'
import type { Daemon } from '../e2e/daemon.ts'
import { foldHistory, parseHistory, type Told } from './history.ts'

export type Command = 'create' | 'start' | 'stop' | 'kill' | 'restart' | 'rename' | 'remove'

export class Drive implements Disposable {
  readonly daemon: Daemon
  /** Commands that were answered with success, in order. */
  readonly promised: Command[] = []
  /** Called after every step. */
  readonly #after: () => Promise<void>
  readonly #twoProcesses: boolean
  readonly #api: ApiClient
  #id = ''

  constructor(
    daemon: Daemon,
    { twoProcesses, after }: { readonly twoProcesses: boolean; readonly after: () => Promise<void> },
  ) {
    this.daemon = daemon
    this.#twoProcesses = twoProcesses
    this.#after = after
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
    const path = command === 'remove' ? '' : `/${command}`
    const method = command === 'remove' ? 'DELETE' : 'POST'
    const { status } = await this.ask(method, `/containers/${this.#id}${path}${query}`)
    if (status === 204) this.promised.push(command)
    await this.#after()
    return status
  }

  /** A daemon that died of the request, or before, is started again. */
  async ask(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
    await this.revive()
    try {
      return await this.#api.send(method, path, body)
    } catch {
      await this.revive()
      return { status: 0, text: '{}' }
    }
  }

  /** Starts what has died, without a fault. */
  async revive(): Promise<void> {
    const { daemon } = this
    await sleep(1)
    if (isThere(daemon.pid) && (!this.#twoProcesses || isThere(daemon.supervisorPid))) return
    daemon.change({ environment: {} })
    if (this.#twoProcesses) await daemon.startSupervisor()
    if (!isThere(daemon.pid)) await daemon.launch()
  }

  async history(): Promise<readonly Told[]> {
    const { status, text } = await this.ask('GET', `/tally/containers/${this.#id}/events`)
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
