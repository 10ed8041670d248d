/** After an upgrade: what an older build derived from the log is derived anew, so that what is shown is what today's machine makes of it. */
import type { Store } from '../store/open.ts'
import { projectionVersion, replay } from './replay.ts'

/** Before anything reads the rows. Those of an older build are better than none where the log can't be replayed. */
export function catchUp(store: Store, report: (message: string, fields: object) => void): void {
  try {
    store.catchUp(projectionVersion, replay(store))
  } catch (err) {
    report('rows of an older build not renewed', { err })
  }
}
