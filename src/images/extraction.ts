/** Unpacks layers' archives into directories, in threads that are kept for a while: starting one takes longer than a small layer. */
import type { Readable } from 'node:stream'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { type ErrorCode, TallyError } from '../errors.ts'

export interface Extraction {
  /** A part of a file, or chunks from the port: each is acknowledged when it is consumed, null is the end. */
  readonly source: FileRange | { readonly kind: 'port' }
  /** An empty directory. */
  readonly target: string
  /** For chunks and the answer. */
  readonly port: MessagePort
}

export interface FileRange {
  readonly kind: 'file'
  readonly path: string
  readonly start: number
  /** Of the first byte after it. */
  readonly end: number
}

/** Digests are `sha256:` and hex. */
export interface Extracted {
  /** Of the archive as it came, packed or not. */
  readonly blobDigest: string
  /** Of the tar in it. */
  readonly diffId: string
  /** Bytes of the files. */
  readonly size: number
}

export type ExtractionAnswer =
  | { readonly kind: 'extracted'; readonly extracted: Extracted }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

export interface Acknowledgement {
  readonly kind: 'consumed'
}

const program = new URL('./extract-worker.ts', import.meta.url)
const IDLE_MILLISECONDS = 10_000
/** Chunks on their way to a thread. */
const WINDOW = 8

export class Extractor {
  readonly #idle: Worker[] = []

  /** What is there when it resolves is safe against a power cut. @throws TallyError bad-request for a broken archive. */
  async file(source: FileRange, target: string): Promise<Extracted> {
    return await this.#run(source, target, () => Promise.resolve())
  }

  /** The same from a stream, which is read only as far as it is needed and never destroyed: an answer may have to go back beside it. */
  async stream(archive: Readable, target: string): Promise<Extracted> {
    return await this.#run({ kind: 'port' }, target, (port) => feed(archive, port))
  }

  /** @param send what has to happen besides; its failure goes first, but the thread's answer is waited for in any case. */
  async #run(
    source: Extraction['source'],
    target: string,
    send: (port: MessagePort) => Promise<void>,
  ): Promise<Extracted> {
    const worker = this.#take()
    const { port1: near, port2: far } = new MessageChannel()
    const answer = answerOn(near)
    worker.postMessage({ source, target, port: far } satisfies Extraction, [far])
    try {
      return await Promise.race([answer, send(near).then(() => answer)])
    } finally {
      await answer.catch(() => undefined)
      near.close()
      this.#putBack(worker)
    }
  }

  /** An idle thread must not keep the process alive, a working one must. */
  #take(): Worker {
    const idle = this.#idle.pop()
    // Descriptors from openat2(2) are none that Node would know of, so it is told not to count.
    const worker =
      idle ?? new Worker(program, { trackUnmanagedFds: false }).once('exit', () => this.#drop(worker))
    worker.ref()
    return worker
  }

  #putBack(worker: Worker): void {
    if (worker.threadId < 0) return
    worker.unref()
    this.#idle.push(worker)
    setTimeout(() => this.#drop(worker), IDLE_MILLISECONDS).unref()
  }

  /** Only if it is idle. */
  #drop(worker: Worker): void {
    const index = this.#idle.indexOf(worker)
    if (index < 0) return
    this.#idle.splice(index, 1)
    worker.terminate().catch((error: Error) => process.emitWarning(error))
  }
}

/** Whatever happens to the sender, the thread sees an end. Stops when the port is closed. */
async function feed(archive: Readable, port: MessagePort): Promise<void> {
  const window = windowOf(port)
  try {
    for await (const chunk of archive.iterator({ destroyOnReturn: false })) {
      if (!(await window.enter())) return
      port.postMessage(chunk)
    }
  } finally {
    port.postMessage(null)
  }
}

/** Lets in as many chunks as may be on their way. */
function windowOf(port: MessagePort): { enter(): Promise<boolean> } {
  let onTheWay = 0
  let open = true
  let wake = () => {}
  port.on('message', ({ kind }: Acknowledgement | ExtractionAnswer) => {
    if (kind === 'consumed') onTheWay--
    wake()
  })
  port.on('close', () => {
    open = false
    wake()
  })
  return {
    async enter() {
      while (open && onTheWay >= WINDOW) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      onTheWay++
      return open
    },
  }
}

async function answerOn(port: MessagePort): Promise<Extracted> {
  const answer = await new Promise<ExtractionAnswer>((resolve, reject) => {
    port.on('message', (message: Acknowledgement | ExtractionAnswer) => {
      if (message.kind !== 'consumed') resolve(message)
    })
    port.once('close', () => reject(new Error('the unpacking thread has ended')))
  })
  if (answer.kind === 'extracted') return answer.extracted
  const prefix = answer.code === 'bad-request' ? 'Error processing tar file: ' : ''
  throw new TallyError(answer.code, `${prefix}${answer.message}`)
}
