/**
 * Creations of containers wait here for their turn. `runc create` is some processes with some threads each: hundreds at once take the CPU
 * from each other, and from the daemon, and each waits for the kernel's lock on control groups as long as all others together.
 */
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { conflict } from '../errors.ts'
import { slots } from './slots.ts'

/** Measured on two cores: fewer leave a core idle, more only wait for each other. */
export const launchesAtOnce = (): number => Math.max(4, 4 * availableParallelism())

/** A creation that takes longer does not wait for a CPU but for the world (a hook, a dead network disk): it must not hold up the others. */
const longestTurn = 10_000

/** A launch that was begun. */
interface Launched {
  /** Settles when the container is created, or can't be. */
  readonly created: Promise<unknown>
}

export class LaunchQueue {
  readonly #slots
  readonly #waiting = new Map<string, AbortController>()

  constructor(count: number) {
    this.#slots = slots(count)
  }

  /**
   * Launches when it is its turn, which lasts until the container is created.
   * @throws what `launch` throws; the signal's reason, or TallyError conflict after `cancel`, while it still waits.
   */
  async enter<T extends Launched>(id: string, launch: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const giveBack = await this.#turn(id, signal)
    try {
      const launched = await launch()
      void turnEnd(launched).then(giveBack)
      return launched
    } catch (error) {
      giveBack()
      throw error
    }
  }

  /** For one that is deleted. One that does not wait is fine. */
  cancel(id: string): void {
    this.#waiting.get(id)?.abort(conflict(`task ${id} was deleted before it was launched`))
  }

  async #turn(id: string, signal: AbortSignal | undefined): Promise<() => void> {
    const canceller = new AbortController()
    this.#waiting.set(id, canceller)
    try {
      return await this.#slots.take(AbortSignal.any([canceller.signal, ...(signal ? [signal] : [])]))
    } finally {
      this.#waiting.delete(id)
    }
  }
}

async function turnEnd({ created }: Launched): Promise<void> {
  const cancel = new AbortController()
  const patience = sleep(longestTurn, undefined, { ref: false, signal: cancel.signal })
  await Promise.allSettled([Promise.race([created, patience])])
  cancel.abort()
}
