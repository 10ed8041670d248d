/** Work on a container's files in threads of their own: what blocks there blocks nobody else, what is mounted there nobody else sees. */
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { Worker } from 'node:worker_threads'
import { TallyError } from '../errors.ts'
import { inbox } from './inbox.ts'
import { type FileAnswer, type FileOrder, type FileTask, type Unpack, WINDOW } from './messages.ts'
import type { PathStat } from './path-stat.ts'
import type { TreeChange } from './tree-changes.ts'
import type { View } from './view.ts'

type Of<Kind extends FileTask['kind']> = Extract<FileTask, { kind: Kind }>

const program = new URL('./thread.ts', import.meta.url)

/** @throws TallyError not-found `Could not find the file x`, internal */
export async function statPath(view: View, path: string): Promise<PathStat> {
  await using thread = new FileThread({ kind: 'stat', view, path })
  return (await thread.answer('stat')).stat
}

/** An archive that comes; its thread ends when it is disposed of. */
export interface Packed extends AsyncDisposable {
  readonly chunks: AsyncIterable<Uint8Array>
}

export async function packPath(view: View, path: string): Promise<Packed & { readonly stat: PathStat }> {
  const thread = new FileThread({ kind: 'pack', view, path })
  try {
    const { stat } = await thread.answer('stat')
    return { stat, chunks: thread.chunks(), [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose]() }
  } catch (error) {
    await thread[Symbol.asyncDispose]()
    throw error
  }
}

/** Reads `archive` to its end or to the first failure, and never destroys it: an answer may have to go back beside it. */
export async function unpackArchive(task: Omit<Unpack, 'kind'>, archive: Readable): Promise<void> {
  await using thread = new FileThread({ kind: 'unpack', ...task })
  await thread.take(archive)
}

export async function changesOf(task: Omit<Of<'changes'>, 'kind'>): Promise<readonly TreeChange[]> {
  await using thread = new FileThread({ kind: 'changes', ...task })
  return (await thread.answer('changes')).changes
}

/** The archive of a whole tree. */
export function packWhole(task: Of<'export'> | Of<'layer'>): Packed {
  const thread = new FileThread(task)
  return { chunks: thread.chunks(), [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose]() }
}

type AnswerOf<Kind extends FileAnswer['kind']> = Extract<FileAnswer, { kind: Kind }>

class FileThread implements AsyncDisposable {
  readonly #worker: Worker
  readonly #answers = inbox<FileAnswer>()
  readonly #ended: Promise<unknown>

  constructor(task: FileTask) {
    // Descriptors from openat2(2) are none that Node would know of, so it is told not to count.
    this.#worker = new Worker(program, { workerData: task, trackUnmanagedFds: false })
    this.#worker.on('message', (answer: FileAnswer) => this.#answers.put(answer))
    this.#worker.on('error', (error) => this.#answers.put(failed(error.message)))
    this.#ended = once(this.#worker, 'exit').catch(() => undefined)
    this.#worker.once('exit', () => this.#answers.put(failed('the thread for files has ended')))
  }

  async answer<Kind extends FileAnswer['kind']>(kind: Kind): Promise<AnswerOf<Kind>> {
    const answer = await this.#next()
    if (isOf(answer, kind)) return answer
    throw new TallyError('internal', `the thread for files said ${answer.kind}, not ${kind}`)
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (let answer = await this.#next(); answer.kind !== 'done'; answer = await this.#next()) {
      if (answer.kind !== 'chunk') continue
      yield answer.bytes
      this.#order({ kind: 'consumed' })
    }
  }

  /** Sends all of `archive`; a failure of the thread ends it before. */
  async take(archive: Readable): Promise<void> {
    let onTheWay = 0
    for await (const bytes of archive.iterator({ destroyOnReturn: false })) {
      this.#order({ kind: 'chunk', bytes })
      onTheWay++
      for (; onTheWay >= WINDOW; onTheWay--) if ((await this.#next()).kind === 'done') return
    }
    this.#order({ kind: 'end' })
    while ((await this.#next()).kind !== 'done');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#order({ kind: 'abort' })
    await this.#ended
  }

  #order(order: FileOrder): void {
    this.#worker.postMessage(order)
  }

  async #next(): Promise<Exclude<FileAnswer, { kind: 'failed' }>> {
    const answer = await this.#answers.next()
    if (answer.kind === 'failed') throw new TallyError(answer.code, answer.message)
    return answer
  }
}

const isOf = <Kind extends FileAnswer['kind']>(answer: FileAnswer, kind: Kind): answer is AnswerOf<Kind> =>
  answer.kind === kind

const failed = (message: string): FileAnswer => ({ kind: 'failed', code: 'internal', message })
