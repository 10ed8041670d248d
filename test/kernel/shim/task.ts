/** One container under a real shim. */
import { type ChildProcess, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { built } from './build.ts'
import { type Config, makeBundle } from './bundle.ts'
import { type Ended, type Output, parseLines, Shimmed, spawnShim } from './shimmed.ts'
import { until } from './until.ts'

export interface TaskOptions {
  readonly shim: string
  /** Run by the container's `sh -c`. */
  readonly script?: string
  readonly args?: readonly string[]
  readonly runtime?: string
  readonly stdin?: boolean
  readonly terminal?: boolean
  /** Streams with a fifo; those in `readers` have one who reads it before the shim starts. */
  readonly outputs?: readonly Output[]
  readonly readers?: readonly Output[]
  readonly log?: { readonly path?: string; readonly maxSize?: number; readonly maxFile?: number } | null
  readonly more?: readonly string[]
  /** A process between the test and the shim, to be killed. */
  readonly parent?: boolean
  readonly environment?: Readonly<Record<string, string>>
  adapt?(config: Config): void
}

export interface LogLine {
  readonly log: string
  readonly stream: Output
  readonly time: string
}

export class Task extends Shimmed implements AsyncDisposable {
  readonly id: string
  readonly root: string
  readonly logPath: string
  readonly process: ChildProcess
  readonly #options: TaskOptions

  constructor(options: TaskOptions) {
    const root = mkdtempSync(join(tmpdir(), 'tally-shim-'))
    super({ root, name: 'init', readers: options.readers ?? [] })
    this.root = root
    this.id = `tally-shim-test-${randomBytes(6).toString('hex')}`
    this.#options = options
    this.logPath = options.log?.path ?? join(this.root, 'container.log')
    const args = options.args ?? ['sh', '-c', options.script ?? 'true']
    makeBundle(join(this.root, 'bundle'), this.id, args, (config) => {
      config.process.terminal = options.terminal ?? false
      options.adapt?.(config)
    })
    this.process = this.#spawn()
  }

  /** Waits for `runc create` and starts the container's program. */
  async start(): Promise<number> {
    const pid = await this.pid()
    this.runc('start', this.id)
    return pid
  }

  runc(...words: string[]): string {
    return execFileSync('runc', ['--root', this.runtimeRoot, ...words], { encoding: 'utf8', stdio: 'pipe' })
  }

  /** Starts the container and waits for its end and its shim's. */
  async run(): Promise<Ended> {
    await this.start()
    await this.hungUp()
    return await this.ended()
  }

  rawLog(suffix = ''): string {
    const path = this.logPath + suffix
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }

  log(suffix = ''): readonly LogLine[] {
    return parseLines<LogLine>(this.rawLog(suffix))
  }

  /** The container's output as its log has it. */
  logged(stream: Output): string {
    return this.log()
      .filter((line) => line.stream === stream)
      .map((line) => line.log)
      .join('')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tryRunc('delete', '--force', this.id)
    for (const reader of this.readers.values()) reader[Symbol.dispose]()
    this.readers.clear()
    await until(() => this.exit.read() === '' || this.exit.ended)
    this.process.kill('SIGKILL')
    this.close()
    rmSync(this.root, { recursive: true, force: true })
  }

  get runtimeRoot(): string {
    return join(this.root, 'runtime')
  }

  /** A container that is gone already can't be deleted. */
  #tryRunc(...words: string[]): void {
    try {
      this.runc(...words)
    } catch {}
  }

  #spawn(): ChildProcess {
    const command = [built(this.#options.shim), ...this.#arguments()]
    const between = this.#options.parent ? ['sh', '-c', '"$@" & exec sleep 1000', 'sh'] : []
    const faults = { TALLY_FAULT_LOG: join(this.root, 'faults') }
    return spawnShim([...between, ...command], { ...faults, ...this.#options.environment })
  }

  #arguments(): readonly string[] {
    const { stdin, outputs = [], log, runtime = 'runc', terminal, more = [] } = this.#options
    const streams = [...(stdin ? ['stdin'] : []), ...outputs]
    return [
      ...['--dir', this.directory, '--id', this.id, '--run-id', 'run', '--bundle', join(this.root, 'bundle')],
      ...['--runtime', runtime, '--runtime-root', this.runtimeRoot],
      ...streams.flatMap((name) => [`--${name}`, this.fifo(name)]),
      ...(log === null ? [] : this.#logArguments(log)),
      ...(terminal ? ['--terminal'] : []),
      ...more,
    ]
  }

  #logArguments({ maxSize = 0, maxFile = 1 }: NonNullable<TaskOptions['log']> = {}): readonly string[] {
    return ['--log-path', this.logPath, '--log-max-size', `${maxSize}`, '--log-max-file', `${maxFile}`]
  }
}
