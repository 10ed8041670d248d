/** A number of things that may be under way at once; more wait for their turn, first come, first served. */

export interface Slots {
  /** Waits for a slot. @returns what gives it back; twice is fine. @throws the signal's reason: who aborts has left the queue. */
  take(signal: AbortSignal): Promise<() => void>
}

export function slots(count: number): Slots {
  /** In the order in which they came. */
  const waiting = new Set<() => void>()
  let free = count

  function giveBack(): void {
    const [next] = waiting
    if (next === undefined) free += 1
    else next()
  }

  function wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        waiting.delete(turn)
        signal.removeEventListener('abort', abort)
      }
      const turn = (): void => {
        leave()
        resolve()
      }
      const abort = (): void => {
        leave()
        reject(signal.reason)
      }
      waiting.add(turn)
      signal.addEventListener('abort', abort)
    })
  }

  return {
    async take(signal) {
      signal.throwIfAborted()
      if (free > 0) free -= 1
      else await wait(signal)
      return once(giveBack)
    },
  }
}

function once(act: () => void): () => void {
  let done = false
  return () => {
    if (!done) act()
    done = true
  }
}
