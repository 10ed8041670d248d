/** One reader's way through the files of a log: from the file and offset where it begins to the one being written. */
import { type Generation, openNewer, openNewest, openOlder, openOldest } from './generations.ts'
import type { LogEntry } from './record.ts'
import { type OnBroken, RecordReader } from './record-reader.ts'
import { startOfLast } from './tail.ts'

/** A file written last this long before `since` is passed over: entries are stamped by a finer clock than files are. */
const clockSlack = 1_000_000_000n

export interface ChainOptions {
  readonly tail: number | undefined
  readonly since: bigint | undefined
  /** Go on to what is written later; else stop where the log ended when it was opened. */
  readonly follow: boolean
  readonly onBroken: OnBroken
}

export class LogChain implements AsyncDisposable {
  readonly #path: string
  readonly #options: ChainOptions
  /** Open files that come after the current one, the next first. */
  readonly #ahead: Generation[]
  #offset: number
  #current: Generation | undefined
  #reader: RecordReader | undefined

  private constructor(path: string, options: ChainOptions, files: readonly Generation[], offset: number) {
    this.#path = path
    this.#options = options
    this.#ahead = [...files]
    this.#offset = offset
  }

  static async open(path: string, options: ChainOptions): Promise<LogChain> {
    const { files, offset } = await filesFrom(path, options)
    return new LogChain(path, options, files, offset)
  }

  /** The next batch, possibly empty; undefined if there is nothing more now. */
  async next(): Promise<readonly LogEntry[] | undefined> {
    for (;;) {
      const entries = await this.#reader?.next(this.#end())
      if (entries) return entries
      const known = this.#ahead.length > 0
      if (!known && !(await this.#findSuccessor())) return undefined
      // The writer may have added to the current file just before it turned to the next one: read it to its end once more.
      const late = await this.#reader?.next(this.#end())
      if (late) return late
      await this.#advance()
    }
  }

  #end(): number {
    return this.#options.follow ? Number.POSITIVE_INFINITY : Number(this.#current?.stats.size ?? 0n)
  }

  async #findSuccessor(): Promise<boolean> {
    if (!this.#options.follow) return false
    const next = this.#current ? await openNewer(this.#path, this.#current) : await openOldest(this.#path)
    if (next) this.#ahead.push(next)
    return next !== undefined
  }

  async #advance(): Promise<void> {
    await this.#current?.handle.close()
    this.#current = this.#ahead.shift()
    this.#reader =
      this.#current && new RecordReader(this.#current.handle, this.#offset, this.#options.onBroken)
    this.#offset = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of [this.#current, ...this.#ahead]) await file?.handle.close()
  }
}

interface Start {
  /** The oldest first. */
  readonly files: readonly Generation[]
  /** Where to begin in the first one. */
  readonly offset: number
}

/** Opens backwards from the newest file, as many as are needed. */
async function filesFrom(path: string, { tail, since }: ChainOptions): Promise<Start> {
  await using opened = new AsyncDisposableStack()
  const files: Generation[] = []
  let wanted = tail ?? Number.POSITIVE_INFINITY
  let offset = 0
  for (let file = await openNewest(path); file; file = await openOlder(path, file)) {
    opened.use(file.handle)
    if (since !== undefined && file.stats.mtimeNs < since - clockSlack && files.length > 0) {
      await file.handle.close()
      break
    }
    files.unshift(file)
    if (tail === undefined) continue
    const start = await startOfLast(file.handle, Number(file.stats.size), wanted)
    wanted -= start.records
    offset = start.offset
    if (wanted <= 0) break
  }
  opened.move()
  return { files, offset }
}
