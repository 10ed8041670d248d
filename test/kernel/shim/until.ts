/** Waiting for the world in tests. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Asks again and again until the answer is neither undefined nor false. The test's own time-out is the limit. */
export async function until<T>(ask: () => T | undefined | false): Promise<T> {
  for (;;) {
    const answer = ask()
    if (answer !== undefined && answer !== false) return answer
    await sleep(5)
  }
}

/** Waits until the answer stays the same for a while. */
export async function settled<T>(ask: () => T, quietMs = 300): Promise<T> {
  for (let before = ask(); ; ) {
    await sleep(quietMs)
    const now = ask()
    if (now === before) return now
    before = now
  }
}
