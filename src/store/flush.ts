/** Group commit: makes what was appended safe against a power cut, with one flush for all that wait and never two at a time. */

export interface GroupFlush {
  /** Something was written that a later flush has to cover. */
  wrote(): void
  /** Answers when all that was written before the call is on the disk. */
  durable(): Promise<void>
}

/**
 * @param flush begins to flush when it is called, and covers what was written before.
 * Starts dirty: what an earlier process wrote and did not flush may still be in the page cache only.
 */
export function groupFlush(flush: () => Promise<void>): GroupFlush {
  let written = 1
  let flushed = 0
  let running: { readonly covers: number; readonly done: Promise<void> } | undefined
  let next: Promise<void> | undefined

  function start(): Promise<void> {
    const covers = written
    const done = flush().then(() => {
      flushed = covers
      running = undefined
    })
    running = { covers, done }
    return done
  }

  function afterRunning(done: Promise<void>): Promise<void> {
    return done.then(() => {
      next = undefined
      return durable()
    })
  }

  function durable(): Promise<void> {
    if (flushed === written) return Promise.resolve()
    if (running === undefined) return start()
    if (running.covers === written) return running.done
    next ??= afterRunning(running.done)
    return next
  }

  return { wrote: () => void written++, durable }
}
