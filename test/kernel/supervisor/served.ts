/** A supervisor in a process of its own that can be killed, and a client of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { connectSupervisor } from '../../../src/supervisor/grpc/client.ts'
import type { Supervisor } from '../../../src/supervisor/port.ts'
import type { World } from './world.ts'

export class Served implements AsyncDisposable {
  readonly client: Supervisor & AsyncDisposable
  readonly #world: World
  #process: ChildProcess | undefined

  static async start(world: World): Promise<Served> {
    const served = new Served(world)
    await served.start()
    return served
  }

  constructor(world: World) {
    this.#world = world
    this.client = connectSupervisor(world.socket)
  }

  async start(): Promise<void> {
    const entry = fileURLToPath(import.meta.resolve('./serve.ts'))
    const child = spawn(process.execPath, [entry, this.#world.execRoot], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    this.#process = child
  }

  /** kill -9 */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child?.kill('SIGKILL')) await once(child, 'exit')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]()
    await this.kill()
  }
}
