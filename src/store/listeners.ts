/** Tells those who listen about each commit, in the order of commits. */
import type { RecordedEvent } from './port.ts'

export type AppendListener = (recorded: readonly RecordedEvent[]) => void

export interface Listeners {
  add(listener: AppendListener): () => void
  notify(recorded: readonly RecordedEvent[]): void
}

/**
 * A listener that appends does not make the others hear of its events first: what comes during a round waits for its end.
 * @param onError gets what a listener throws; the append has succeeded all the same.
 */
export function appendListeners(onError: (error: unknown) => void): Listeners {
  const listeners = new Set<AppendListener>()
  const waiting: (readonly RecordedEvent[])[] = []
  let delivering = false

  function deliver(): void {
    delivering = true
    for (let recorded = waiting.shift(); recorded !== undefined; recorded = waiting.shift()) {
      for (const listener of listeners) call(listener, recorded, onError)
    }
    delivering = false
  }

  return {
    add(listener) {
      const own: AppendListener = (recorded) => listener(recorded)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    notify(recorded) {
      waiting.push(recorded)
      if (!delivering) deliver()
    },
  }
}

function call(
  listener: AppendListener,
  recorded: readonly RecordedEvent[],
  onError: (error: unknown) => void,
): void {
  try {
    listener(recorded)
  } catch (error) {
    onError(error)
  }
}
