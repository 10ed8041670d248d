/** A store in a temporary directory that goes away with the test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { openStore, type Store, type StoreOptions } from '../../../src/store/open.ts'

export function temporaryPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tally-store-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return join(directory, 'tallyman.db')
}

/** Errors that would end the daemon are thrown away here: the call that met them throws them too. */
export function openTemporary(options: Partial<StoreOptions> = {}): Store {
  const path = options.path ?? temporaryPath()
  const store = openStore({ clock: systemClock, bootId: 'boot', onFatal: () => undefined, ...options, path })
  onTestFinished(() => store.close())
  return store
}

/** Appends `count` events of type Counted to a stream, from its version on. */
export function count(store: Store, stream: string, from: number, count: number): void {
  const events = Array.from({ length: count }, (_, index) => ({ type: 'Counted', number: from + index + 1 }))
  store.events.append({ stream, expectedVersion: from, events })
}
