/** One container under a real shim, the test in the supervisor's and the engine's place. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { built } from './build.ts'
import { type Config, makeBundle } from './bundle.ts'
import { FifoReader, FifoWriter } from './fifo.ts'
import { until } from './until.ts'

export interface TaskOptions {
  readonly shim: string
  /** Run by the container's `sh -c`. */
  readonly script?: string
  readonly args?: readonly string[]
  readonly runtime?: string
  readonly stdin?: boolean
  /** Streams with a fifo; those in `readers` have one who reads it before the shim starts. */
  readonly outputs?: readonly Output[]
  readonly readers?: readonly Output[]
  readonly log?: { readonly path?: string; readonly maxSize?: number; readonly maxFile?: number } | null
  readonly more?: readonly string[]
  /** A process between the test and the shim, to be killed. */
  readonly parent?: boolean
  adapt?(config: Config): void
}

export type Output = 'stdout' | 'stderr'

export interface LogLine {
  readonly log: string
  readonly stream: Output
  readonly time: string
}

export interface ShimError {
  readonly level: string
  readonly time: string
  readonly step: string
  readonly errno: number
  readonly msg: string
}

export class Task implements AsyncDisposable {
  readonly id = `tally-shim-test-${randomBytes(6).toString('hex')}`
  readonly root = mkdtempSync(join(tmpdir(), 'tally-shim-'))
  readonly directory = join(this.root, 'init')
  readonly logPath: string
  readonly exit: FifoReader
  readonly control: FifoWriter
  readonly readers = new Map<Output, FifoReader>()
  readonly process: ChildProcess
  readonly #options: TaskOptions

  constructor(options: TaskOptions) {
    this.#options = options
    this.logPath = options.log?.path ?? join(this.root, 'container.log')
    const args = options.args ?? ['sh', '-c', options.script ?? 'true']
    makeBundle(join(this.root, 'bundle'), this.id, args, options.adapt ?? (() => {}))
    mkdirSync(this.directory)
    for (const name of ['exit', 'control']) this.#makeFifo(join(this.directory, name))
    for (const name of ['stdin', 'stdout', 'stderr']) this.#makeFifo(this.fifo(name))
    this.exit = new FifoReader(join(this.directory, 'exit'))
    this.control = new FifoWriter(join(this.directory, 'control'), 'readWrite')
    for (const name of options.readers ?? []) this.attach(name)
    this.process = this.#spawn()
  }

  fifo(name: string): string {
    return join(this.root, `init-${name}`)
  }

  /** Begins to read a stream's fifo. */
  attach(name: Output): FifoReader {
    const reader = new FifoReader(this.fifo(name))
    this.readers.set(name, reader)
    return reader
  }

  /** What came through a stream's fifo. */
  received(name: Output): string {
    return this.readers.get(name)?.read() ?? ''
  }

  lines(): readonly string[] {
    return this.exit.read().split('\n').filter(Boolean)
  }

  async line(wanted: RegExp): Promise<string> {
    return await until(() => this.lines().find((line) => wanted.test(line)))
  }

  /** Waits for `runc create` and starts the container's program. */
  async start(): Promise<number> {
    const pid = Number((await this.line(/^pid /)).slice(4))
    this.runc('start', this.id)
    return pid
  }

  runc(...words: string[]): string {
    return execFileSync('runc', ['--root', this.#runtimeRoot, ...words], { encoding: 'utf8', stdio: 'pipe' })
  }

  file(name: string): string | undefined {
    const path = join(this.directory, name)
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined
  }

  /** What `exit-status` says, once it is there. */
  async ended(): Promise<{ exitCode: number; exitedAt: string; oomKilled: boolean }> {
    return JSON.parse(await until(() => this.file('exit-status')))
  }

  /** The shim's end, as the supervisor sees it. */
  async hungUp(): Promise<void> {
    await until(() => this.exit.read() !== '' && this.exit.ended)
  }

  /** Starts the container and waits for its end and its shim's. */
  async run(): ReturnType<Task['ended']> {
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

  shimErrors(): readonly ShimError[] {
    return parseLines<ShimError>(this.file('shim-log.json') ?? '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tryRunc('delete', '--force', this.id)
    for (const reader of this.readers.values()) reader[Symbol.dispose]()
    await until(() => this.exit.read() === '' || this.exit.ended)
    this.process.kill('SIGKILL')
    this.exit[Symbol.dispose]()
    this.control[Symbol.dispose]()
    rmSync(this.root, { recursive: true, force: true })
  }

  get #runtimeRoot(): string {
    return join(this.root, 'runtime')
  }

  #makeFifo(path: string): void {
    execFileSync('mkfifo', ['-m', '600', path])
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
    const [file = '', ...rest] = [...between, ...command]
    return spawn(file, rest, { detached: true, stdio: ['ignore', 'ignore', 'inherit'] })
  }

  #arguments(): readonly string[] {
    const { stdin, outputs = [], log, runtime = 'runc', more = [] } = this.#options
    const streams = [...(stdin ? ['stdin'] : []), ...outputs]
    return [
      ...['--dir', this.directory, '--id', this.id, '--run-id', 'run', '--bundle', join(this.root, 'bundle')],
      ...['--runtime', runtime, '--runtime-root', this.#runtimeRoot],
      ...streams.flatMap((name) => [`--${name}`, this.fifo(name)]),
      ...(log === null ? [] : this.#logArguments(log)),
      ...more,
    ]
  }

  #logArguments({ maxSize = 0, maxFile = 1 }: NonNullable<TaskOptions['log']> = {}): readonly string[] {
    return ['--log-path', this.logPath, '--log-max-size', `${maxSize}`, '--log-max-file', `${maxFile}`]
  }
}

function parseLines<T>(text: string): readonly T[] {
  const lines = text.split('\n')
  return lines.slice(0, -1).map((line) => JSON.parse(line) as T)
}
