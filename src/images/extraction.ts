/** Unpacks a layer's archive into a directory, in a thread of its own. */
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, TallyError } from '../errors.ts'

export interface Extraction {
  /** A part of a file, or what is written to the thread's standard input. */
  readonly source: FileRange | { readonly kind: 'stdin' }
  /** An empty directory. */
  readonly target: string
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
  /** Bytes of the regular files. */
  readonly size: number
}

export type ExtractionAnswer =
  | { readonly failed: false; readonly extracted: Extracted }
  | { readonly failed: true; readonly code: ErrorCode; readonly message: string }

const program = new URL('./extract-worker.ts', import.meta.url)

/** What is there when it resolves is safe against a power cut. @throws TallyError bad-request for a broken archive. */
export async function extractFile(source: FileRange, target: string): Promise<Extracted> {
  const worker = start({ source, target })
  try {
    return await answerOf(worker)
  } finally {
    await worker.terminate()
  }
}

/** The same from a stream, which is read only as far as it is needed and never destroyed: an answer may have to go back beside it. */
export async function extractStream(archive: Readable, target: string): Promise<Extracted> {
  const worker = start({ source: { kind: 'stdin' }, target })
  const answer = answerOf(worker)
  const answered = new AbortController()
  const feeding = feed(archive, worker.stdin, answered.signal)
  try {
    return await Promise.race([answer, feeding.then(() => answer)])
  } finally {
    // Not before it has answered: a thread that is cut off leaves its descriptors open.
    await answer.catch(() => undefined)
    answered.abort()
    await worker.terminate()
  }
}

/** Descriptors from openat2(2) are none that Node would know of, so it is told not to count. */
function start(extraction: Extraction): Worker {
  const stdin = extraction.source.kind === 'stdin'
  return new Worker(program, { workerData: extraction, stdin, trackUnmanagedFds: false })
}

async function feed(archive: Readable, sink: Writable | null, answered: AbortSignal): Promise<void> {
  if (sink === null) throw new Error('the unpacking thread has no standard input')
  sink.on('error', () => undefined) // the thread's answer says why it reads no more
  try {
    for await (const chunk of archive.iterator({ destroyOnReturn: false })) {
      if (answered.aborted) return
      if (!sink.write(chunk)) await once(sink, 'drain', { signal: answered }).catch(unlessAborted)
    }
  } finally {
    sink.end()
  }
}

function unlessAborted(error: Error): void {
  if (error.name !== 'AbortError') throw error
}

async function answerOf(worker: Worker): Promise<Extracted> {
  const answer = await new Promise<ExtractionAnswer>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the unpacking thread ended with ${code}`)))
  })
  if (!answer.failed) return answer.extracted
  const prefix = answer.code === 'bad-request' ? 'Error processing tar file: ' : ''
  throw new TallyError(answer.code, `${prefix}${answer.message}`)
}
