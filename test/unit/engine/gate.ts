/** Holds an operation of the world up until it is let through. */
import type { Operation, World } from './world.ts'

export interface Gate {
  /** Resolves when the operation stands before the gate. */
  readonly reached: Promise<void>
  open(): void
}

export function gate(world: World, held: Operation): Gate {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  world.hinder = async (operation) => {
    if (operation !== held) return
    reached.resolve()
    await opened.promise
  }
  return { reached: reached.promise, open: opened.resolve }
}
