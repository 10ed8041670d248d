/** A real shim and its fifos, the test in the supervisor's and the engine's place. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FifoReader, FifoWriter } from './fifo.ts'
import { until } from './until.ts'

export type Output = 'stdout' | 'stderr'

export interface Ended {
  readonly exitCode: number
  readonly exitedAt: string
  readonly oomKilled: boolean
}

export interface ShimError {
  readonly level: string
  readonly time: string
  readonly step: string
  readonly errno: number
  readonly msg: string
}

export interface Place {
  /** Where its directory and its stdio fifos lie. */
  readonly root: string
  /** Of its directory, and what the names of its fifos begin with. */
  readonly name: string
  /** Streams that have a reader before the shim starts. */
  readonly readers?: readonly Output[]
}

export class Shimmed {
  readonly directory: string
  readonly exit: FifoReader
  readonly control: FifoWriter
  readonly readers = new Map<Output, FifoReader>()
  readonly #place: Place

  constructor(place: Place) {
    this.#place = place
    this.directory = join(place.root, place.name)
    mkdirSync(this.directory)
    for (const name of ['exit', 'control']) makeFifo(join(this.directory, name))
    for (const name of ['stdin', 'stdout', 'stderr']) makeFifo(this.fifo(name))
    this.exit = new FifoReader(join(this.directory, 'exit'))
    this.control = new FifoWriter(join(this.directory, 'control'), 'readWrite')
    for (const name of place.readers ?? []) this.attach(name)
  }

  fifo(name: string): string {
    return join(this.#place.root, `${this.#place.name}-${name}`)
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

  /** What the shim told of its process. */
  async pid(): Promise<number> {
    return Number((await this.line(/^pid /)).slice(4))
  }

  file(name: string): string | undefined {
    const path = join(this.directory, name)
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined
  }

  /** What `exit-status` says, once it is there. */
  async ended(): Promise<Ended> {
    return JSON.parse(await until(() => this.file('exit-status')))
  }

  /** The shim's end, as the supervisor sees it. */
  async hungUp(): Promise<void> {
    await until(() => this.exit.read() !== '' && this.exit.ended)
  }

  shimErrors(): readonly ShimError[] {
    return parseLines<ShimError>(this.file('shim-log.json') ?? '')
  }

  close(): void {
    for (const reader of this.readers.values()) reader[Symbol.dispose]()
    this.exit[Symbol.dispose]()
    this.control[Symbol.dispose]()
  }
}

export function spawnShim(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): ChildProcess {
  const [file = '', ...rest] = words
  const env = { ...process.env, ...environment }
  return spawn(file, rest, { detached: true, stdio: ['ignore', 'ignore', 'inherit'], env })
}

export function parseLines<T>(text: string): readonly T[] {
  const lines = text.split('\n')
  return lines.slice(0, -1).map((line) => JSON.parse(line) as T)
}

function makeFifo(path: string): void {
  execFileSync('mkfifo', ['-m', '600', path])
}
