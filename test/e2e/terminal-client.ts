/** Somebody at a terminal: the docker CLI at a pseudo-terminal of its own, which types, has a size and shows things. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds after which something does not come any more, however busy the machine is. */
const patience = 60_000

export class TerminalClient implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #ended: Promise<unknown>
  #shown = ''

  constructor(command: readonly string[]) {
    const program = join(import.meta.dirname, 'terminal-client.py')
    this.#process = spawn('python3', [program, ...command], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process.stdout?.on('data', (chunk: Buffer) => {
      this.#shown += chunk.toString('latin1')
    })
    this.#process.stdin?.on('error', () => undefined)
    this.#ended = once(this.#process, 'close')
  }

  /** All that the terminal has shown. */
  get shown(): string {
    return this.#shown
  }

  type(text: string): void {
    this.#say({ type: text })
  }

  resize(rows: number, columns: number): void {
    this.#say({ size: [rows, columns] })
  }

  /** @throws Error with what is there instead, if it does not come. */
  async sees(text: string): Promise<void> {
    const end = performance.now() + patience
    for (; !this.#shown.includes(text); await sleep(20))
      if (performance.now() > end)
        throw new Error(`${JSON.stringify(text)} not in ${JSON.stringify(this.#shown)}`)
  }

  /** @returns the exit code. */
  async end(): Promise<number | null> {
    await this.#ended
    return this.#process.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill()
    await this.#ended
  }

  #say(word: object): void {
    this.#process.stdin?.write(`${JSON.stringify(word)}\n`)
  }
}
