/** Operations of the simulated world that are held until their answers are due. */
import { TallyError } from '../../src/errors.ts'
import type { Operation } from '../unit/engine/world.ts'

interface Held {
  readonly operation: Operation
  readonly answer: PromiseWithResolvers<void>
}

export class HeldOperations {
  /** Nothing is held any more. */
  isFree = false
  /** Whether a client has asked for a resumption, and it is the next one. */
  expectsResume: () => boolean = () => false
  readonly #kinds: ReadonlySet<Operation>
  #held: Held[] = []

  /** @param kinds what is held; all else happens at once. */
  constructor(kinds: Iterable<Operation>) {
    this.#kinds = new Set(kinds)
  }

  /** For `World.hinder`. */
  readonly hinder = (operation: Operation): void | Promise<void> => {
    if (this.isFree) return
    // A signal thaws what is paused: here that program has ended before it could be, so that `Resumed` comes only when it is told.
    if (operation === 'resume' && !this.#isAwaitedResume())
      throw new TallyError('not-found', 'process already finished')
    if (!this.#kinds.has(operation)) return
    const held = { operation, answer: Promise.withResolvers<void>() }
    this.#held.push(held)
    return held.answer.promise
  }

  #isAwaitedResume(): boolean {
    return this.expectsResume() && !this.operations().includes('resume')
  }

  operations(): readonly Operation[] {
    return this.#held.map(({ operation }) => operation)
  }

  letGo(which: (operation: Operation) => boolean): void {
    for (const { answer } of this.#take(which)) answer.resolve()
  }

  refuse(which: Operation, error: TallyError): void {
    for (const { answer } of this.#take((operation) => operation === which)) answer.reject(error)
  }

  #take(which: (operation: Operation) => boolean): readonly Held[] {
    const taken = this.#held.filter(({ operation }) => which(operation))
    this.#held = this.#held.filter((held) => !taken.includes(held))
    return taken
  }
}
