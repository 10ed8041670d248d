/**
 * Reads a container's json-file log: the rotated files `P.N … P.1, P` as one sequence, from any point, and follows it while it is written.
 *
 * Memory is bounded by the size of a chunk, whatever the size of the log, and nothing is read before the consumer asks for it. While
 * following, a rotation loses and repeats nothing unless the reader is so slow that a file is deleted before it was read.
 */
import { dirname } from 'node:path'
import { nanoseconds } from '../clock.ts'
import { type ChainOptions, LogChain } from './chain.ts'
import { type DirectoryWatch, watchDirectory } from './directory-watch.ts'
import type { LogEntry } from './record.ts'
import type { OnBroken } from './record-reader.ts'

export interface ReadLogOptions {
  /** Only the last so many records; absent: all. As in Docker it counts before the other filters. */
  readonly tail?: number
  /** Nanoseconds since 1970, inclusive both. */
  readonly since?: bigint
  readonly until?: bigint
  readonly stdout: boolean
  readonly stderr: boolean
  /** Absent: what is in the log now. Else it goes on until `ended` settles and everything was delivered. */
  readonly follow?: { readonly ended: Promise<unknown> }
  /** Told the beginning of each line that is no record. */
  readonly onBroken: OnBroken
  readonly signal: AbortSignal
}

/** The entries in batches, as they are read; a batch is what one chunk of the file holds. Ends early when `signal` aborts. */
export async function* readLog(
  path: string,
  options: ReadLogOptions,
): AsyncGenerator<readonly LogEntry[], void> {
  const wanted = selection(options)
  for await (const entries of options.follow ? followed(path, options) : present(path, options)) {
    const { chosen, past } = wanted(entries)
    if (chosen.length > 0) yield chosen
    if (past || options.signal.aborted) return
  }
}

/** Chooses by stream and time; `past` once an entry is later than `until`. */
function selection({ since, until, stdout, stderr }: ReadLogOptions) {
  return (entries: readonly LogEntry[]) => {
    const chosen: LogEntry[] = []
    for (const entry of entries) {
      const time = since === undefined && until === undefined ? 0n : nanoseconds(entry.time)
      if (until !== undefined && time > until) return { chosen, past: true }
      const inTime = since === undefined || time >= since
      if (inTime && (entry.stream === 'stdout' ? stdout : stderr)) chosen.push(entry)
    }
    return { chosen, past: false }
  }
}

/** What is in the log now, and no more: a writer faster than us must not keep us for ever. */
async function* present(path: string, options: ReadLogOptions): AsyncGenerator<readonly LogEntry[], void> {
  await using chain = await LogChain.open(path, chainOptions(options))
  for (let entries = await chain.next(); entries; entries = await chain.next()) yield entries
}

async function* followed(path: string, options: ReadLogOptions): AsyncGenerator<readonly LogEntry[], void> {
  using watch = watchDirectory(dirname(path))
  const stop = stopFlag(options, watch)
  await using chain = await LogChain.open(path, chainOptions(options))
  for (;;) {
    const complete = stop.raised
    const entries = await chain.next()
    if (entries) yield entries
    if (!entries && complete) return
    if (!entries) await watch.changed()
  }
}

const chainOptions = ({ tail, since, follow, onBroken }: ReadLogOptions): ChainOptions => ({
  tail,
  since,
  follow: follow !== undefined,
  onBroken,
})

/** Raised, and the watch woken, when the container has ended or the consumer is gone. */
function stopFlag({ follow, signal }: ReadLogOptions, watch: DirectoryWatch): { readonly raised: boolean } {
  const flag = { raised: signal.aborted }
  const raise = () => {
    flag.raised = true
    watch.wake()
  }
  follow?.ended.then(raise, raise)
  signal.addEventListener('abort', raise, { once: true })
  return flag
}
