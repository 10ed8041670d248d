/** One process exec'd in a container, under a real shim of its own. */
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { built } from './build.ts'
import type { Config } from './bundle.ts'
import { type Ended, type Output, Shimmed, spawnShim } from './shimmed.ts'
import type { Task } from './task.ts'
import { until } from './until.ts'

export interface ExecOptions {
  readonly shim: string
  readonly script?: string
  readonly args?: readonly string[]
  readonly stdin?: boolean
  readonly terminal?: boolean
  readonly readers?: readonly Output[]
  readonly runtime?: string
}

export class Exec extends Shimmed implements AsyncDisposable {
  readonly process: ChildProcess

  constructor(task: Task, options: ExecOptions) {
    super({ root: task.root, name: randomBytes(32).toString('hex'), readers: options.readers ?? [] })
    this.#writeProcess(task, options)
    this.process = spawnShim([built(options.shim), ...this.#arguments(task, options)])
  }

  async run(): Promise<Ended> {
    await this.hungUp()
    return await this.ended()
  }

  /** The task has to be disposed first, or the process must have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await until(() => this.exit.read() === '' || this.exit.ended)
    this.process.kill('SIGKILL')
    this.close()
  }

  get #processPath(): string {
    return join(this.directory, 'process.json')
  }

  /** The container's own process with other words. */
  #writeProcess(task: Task, { args, script, terminal = false }: ExecOptions): void {
    const config = JSON.parse(readFileSync(join(task.root, 'bundle/config.json'), 'utf8')) as Config
    const words = args ?? ['sh', '-c', script ?? 'true']
    writeFileSync(this.#processPath, JSON.stringify({ ...config.process, terminal, args: words }))
  }

  #arguments(
    task: Task,
    { stdin, terminal, readers = [], runtime = 'runc' }: ExecOptions,
  ): readonly string[] {
    const streams = [...(stdin ? ['stdin'] : []), ...readers]
    return [
      ...['--dir', this.directory, '--id', task.id, '--run-id', 'run', '--runtime', runtime],
      ...['--runtime-root', task.runtimeRoot, '--exec', this.#processPath, '--exec-id', 'exec'],
      ...streams.flatMap((name) => [`--${name}`, this.fifo(name)]),
      ...(terminal ? ['--terminal'] : []),
    ]
  }
}
