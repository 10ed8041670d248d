/** A whole daemon in the test's own process, on the real kernel: it is held up at its fault points, and its long waits are short. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { pino } from 'pino'
import { expect } from 'vitest'
import type {
  ContainerEvent,
  ContainerEventOf,
  ContainerEventType,
} from '../../../machines/container-events.ts'
import { busyboxArchive } from '../../../scripts/busybox.ts'
import { openDaemon, type Surroundings, systemSurroundings } from '../../../src/daemon.ts'
import {
  apiSocketPath,
  bundlePath,
  rootfsPath,
  runtimeRoot,
  supervisorRoot,
  supervisorSocketPath,
} from '../../../src/paths.ts'
import { connectSupervisor } from '../../../src/supervisor/grpc/client.ts'
import type { Supervisor } from '../../../src/supervisor/port.ts'
import { systemTimers, type Timers } from '../../../src/timers.ts'
import { type Answer, ApiClient } from '../../e2e/api-client.ts'
import { Gates } from './gates.ts'
import { eventsOf } from './life-log.ts'

/** The grace that SIGKILL has is ten seconds; whoever waits that long here waits half a second. */
const hastyTimers: Timers = {
  after: (delay, wake) => systemTimers.after(delay >= 5_000 ? 500 : delay, wake),
}

export class Host {
  readonly gates = new Gates()
  readonly ids: string[] = []
  readonly #root = mkdtempSync(join(tmpdir(), 'machine-'))
  readonly roots = { dataRoot: join(this.#root, 'data'), execRoot: join(this.#root, 'exec') }
  readonly api = new ApiClient(apiSocketPath(this.roots))
  #stack = new AsyncDisposableStack()
  #supervisor: Supervisor | undefined

  /** @param changes what the daemon finds other than it is. */
  async open(changes: Partial<Surroundings> = {}): Promise<this> {
    const surroundings = { ...systemSurroundings(), timers: hastyTimers, ...changes }
    this.#stack.use(await openDaemon(this.#settings(), pino({ level: 'fatal' }), surroundings))
    this.#supervisor = this.#stack.use(connectSupervisor(supervisorSocketPath(this.roots)))
    return this
  }

  /** The daemon ends; its containers go on. */
  async close(): Promise<void> {
    await this.#stack.disposeAsync()
    this.#stack = new AsyncDisposableStack()
  }

  async destroy(): Promise<void> {
    const left = JSON.parse(await this.api.ask('GET', '/containers/json?all=1'))
    for (const { Id } of left) await this.api.send('DELETE', `/containers/${Id}?force=1`)
    await this.close()
    this.api[Symbol.dispose]()
    for (const target of this.#mounts('').toReversed()) execFileSync('umount', ['-l', target])
    rmSync(this.#root, { recursive: true })
  }

  get supervisor(): Supervisor {
    if (this.#supervisor === undefined) throw new Error('the daemon is not open')
    return this.#supervisor
  }

  importBusybox(): Promise<string> {
    return this.api.ask('POST', '/images/create?fromSrc=-&repo=bb', busyboxArchive())
  }

  /** @returns the id of a new container. */
  async create(command: readonly string[], { HostConfig = {}, ...config }: Config = {}): Promise<string> {
    const id = await this.api.create({
      ...{ Image: 'bb', Cmd: command, ...config },
      HostConfig: { NetworkMode: 'none', ...HostConfig },
    })
    this.ids.push(id)
    return id
  }

  async run(command: readonly string[], config?: Config): Promise<string> {
    const id = await this.create(command, config)
    expect(await this.ask(id, 'start')).toMatchObject({ status: 204 })
    return id
  }

  /** @param what of the container: `stop?t=0`. */
  ask(id: string, what: string): Promise<Answer> {
    return this.api.send('POST', `/containers/${id}/${what}`)
  }

  remove(id: string, force = false): Promise<Answer> {
    return this.api.send('DELETE', `/containers/${id}?force=${force ? 1 : 0}`)
  }

  /** Attaches, types and leaves. */
  async attach(id: string, typed = ''): Promise<void> {
    const socket = connect(apiSocketPath(this.roots))
    socket.write(`POST /containers/${id}/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\n`)
    socket.write('Upgrade: tcp\r\nConnection: Upgrade\r\n\r\n')
    await once(socket, 'data')
    if (typed !== '') {
      socket.resume().write(typed)
      await once(socket, 'end')
    }
    socket.destroy()
  }

  events(id: string): Promise<readonly ContainerEvent[]> {
    return eventsOf(this.api, id)
  }

  /** The first event of this type. */
  async event<T extends ContainerEventType>(id: string, wanted: T): Promise<ContainerEventOf<T>> {
    const isWanted = (event: ContainerEvent): event is ContainerEventOf<T> => event.type === wanted
    const found = (await this.events(id)).find(isWanted)
    if (found === undefined) throw new Error(`${id} has no ${wanted}`)
    return found
  }

  async types(id: string): Promise<readonly ContainerEventType[]> {
    return (await this.events(id)).map(({ type }) => type)
  }

  /** Waits until the container's log ends with an event of this type. */
  async until(id: string, type: ContainerEventType): Promise<void> {
    await expect.poll(async () => (await this.types(id)).at(-1), { timeout: 60_000 }).toBe(type)
  }

  /** What there is of a container that does not run, beside its layers and files. */
  leavings(id: string): readonly string[] {
    const places = [
      bundlePath(this.roots, id),
      join(supervisorRoot(this.roots), id),
      join(runtimeRoot(this.roots), id),
    ]
    return [...places.filter((path) => existsSync(path)), ...this.#mounts(rootfsPath(this.roots, id))]
  }

  #mounts(below: string): string[] {
    const targets = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
    return targets.filter((target) => target.startsWith(below === '' ? `${this.#root}/` : below))
  }

  #settings() {
    return {
      ...{ roots: this.roots, sockets: [apiSocketPath(this.roots)], faults: this.gates },
      ...{ runtimes: { runc: { path: 'runc' } }, defaultRuntime: 'runc' },
      ...{ cgroupParent: `/${basename(this.#root)}`, log: { driver: 'json-file', options: {} } },
      ...{ liveRestore: true, shutdownTimeout: 10 },
    }
  }
}

interface Config {
  readonly HostConfig?: object
  readonly [key: string]: unknown
}
