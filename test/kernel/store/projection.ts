/** A projection for tests that both the appending child and the comparing parent can make from an event alone. */
import type { Store } from '../../../src/store/open.ts'
import type { RecordedEvent } from '../../../src/store/port.ts'

export function project(store: Store, recorded: readonly RecordedEvent[]): void {
  for (const { position, stream, version, meta, hash } of recorded) {
    const row = { name: stream, version, removed: false, createdAt: `${stream} was made` }
    store.containers.put({ id: stream, ...row, state: { value: hash, context: meta.monotonic } })
    const message = { timeNano: BigInt(meta.monotonic), type: 'container', action: 'fill', actorId: stream }
    store.messages.put({ position, ordinal: 0, ...message, attributes: { hash } })
  }
}

/** All rows of the projections. */
export function projections({ containers, messages, images }: Store) {
  return { containers: containers.list(), messages: [...messages.range({})], images: images.list() }
}
