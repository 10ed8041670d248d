/** What keeps the record trustworthy while the daemon runs: verification and backup, both of a copy, so that nobody waits for them. */
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, TallyError } from '../errors.ts'
import type { Workspace } from '../images/workspace.ts'
import type { Head } from '../store/anchor.ts'
import type { Store } from '../store/open.ts'
import type { Verdict } from './verify.ts'

export interface Upkeep {
  /** Of the log as it was at the call, or a little later. @throws TallyError if there is no room for the copy. */
  verify(signal: AbortSignal): Promise<Verdict>
  /** A database file that is whole by itself. @throws TallyError if there is no room for it, or it would be damaged. */
  backup(signal: AbortSignal): Promise<Backup>
}

export interface Backup {
  readonly events: number
  readonly size: number
  /** Has to be read or destroyed: its room is free after that. */
  readonly content: Readable
}

export interface CopyTask {
  readonly kind: 'verify' | 'backup'
  readonly path: string
  /** What the copy has to hold. */
  readonly head: Head | undefined
}

export type TaskAnswer =
  | { readonly kind: 'verified'; readonly verdict: Verdict }
  | { readonly kind: 'settled'; readonly events: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }

const program = new URL('./upkeep-worker.ts', import.meta.url)

export function openUpkeep(store: Pick<Store, 'copy'>, workspace: Workspace): Upkeep {
  async function onCopy<T>(
    kind: CopyTask['kind'],
    signal: AbortSignal,
    use: (answer: TaskAnswer, path: string) => Promise<T> | T,
  ): Promise<T> {
    await using directory = await workspace.directory(kind)
    const path = join(directory.path, 'tallyman.db')
    try {
      const head = await copy(store, path, signal)
      return await use(await runTask({ kind, path, head }, signal), path)
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
  }

  return {
    verify: (signal) =>
      onCopy('verify', signal, (answer) => {
        if (answer.kind !== 'verified') throw refusal(answer)
        return answer.verdict
      }),
    backup: (signal) =>
      onCopy('backup', signal, async (answer, path) => {
        if (answer.kind !== 'settled') throw refusal(answer)
        return { events: answer.events, ...(await openFile(path)) }
      }),
  }
}

/** A source that can't be read is one sentence; that the disk is full says Node itself. */
async function copy(
  store: Pick<Store, 'copy'>,
  path: string,
  signal: AbortSignal,
): Promise<Head | undefined> {
  try {
    return await store.copy(path, signal)
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EIO')) throw cause
    throw new TallyError('internal', `cannot copy the database: ${cause.message}`, { cause })
  }
}

async function runTask(task: CopyTask, signal: AbortSignal): Promise<TaskAnswer> {
  const worker = new Worker(program, { workerData: task, trackUnmanagedFds: false })
  try {
    const [answer] = (await once(worker, 'message', { signal })) as [TaskAnswer]
    return answer
  } finally {
    await worker.terminate()
  }
}

/** It can be read on when its name is gone. */
async function openFile(path: string): Promise<Pick<Backup, 'size' | 'content'>> {
  const file = await open(path)
  const { size } = await file.stat()
  return { size, content: file.createReadStream({ highWaterMark: 256 * 1024 }) }
}

function refusal(answer: TaskAnswer): Error {
  if (answer.kind !== 'failed') return new Error(`the thread answered ${answer.kind}`)
  return new TallyError(answer.code, answer.message)
}
