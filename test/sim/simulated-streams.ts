/** Sessions of clients that are attached: they end with the run whose streams they follow. */
import type { AttachStreams } from '../../src/engine/port.ts'
import type { StreamTarget } from '../../src/engine/streams.ts'

export class SimulatedStreams {
  readonly #sessions = new Map<string, Set<() => void>>()

  async attach(
    { id }: StreamTarget,
    _: AttachStreams,
    { signal }: { readonly running: boolean; readonly signal: AbortSignal },
  ): Promise<{ readonly ended: Promise<void> }> {
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    const sessions = this.#sessions.get(id) ?? new Set()
    this.#sessions.set(id, sessions.add(resolve))
    signal.addEventListener('abort', () => resolve(), { once: true })
    return { ended }
  }

  close(id: string): void {
    for (const end of this.#sessions.get(id) ?? []) end()
    this.#sessions.delete(id)
  }
}
