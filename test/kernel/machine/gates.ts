/** Fault points as gates: the next who comes to one that is held waits there until it is opened. */
import type { Faults } from '../../../src/faults.ts'

export interface Gate {
  /** Resolves when somebody stands before the gate. */
  readonly reached: Promise<void>
  open(): void
}

interface Hold {
  readonly reached: PromiseWithResolvers<void>
  readonly opened: PromiseWithResolvers<void>
}

export class Gates implements Faults {
  readonly #held = new Map<string, Hold>()

  hold(point: string): Gate {
    const hold = { reached: Promise.withResolvers<void>(), opened: Promise.withResolvers<void>() }
    this.#held.set(point, hold)
    return { reached: hold.reached.promise, open: hold.opened.resolve }
  }

  async reach(point: string): Promise<void> {
    const hold = this.#held.get(point)
    if (hold === undefined) return
    this.#held.delete(point)
    hold.reached.resolve()
    await hold.opened.promise
  }

  /** What is synchronous can't wait. */
  reachNow(): void {}
}
