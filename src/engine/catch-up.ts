/** After an upgrade: what another build derived from the log is derived anew, so that what is shown is what today's machine makes of it. */
import type { Store } from '../store/open.ts'
import { NewerEventError } from '../store/upcast.ts'
import { projectionVersion, replay } from './replay.ts'

/** Before anything reads the rows. Those of another build are better than none where the log can't be replayed. @throws NewerEventError. */
export function catchUp(store: Store, report: (message: string, fields: object) => void): void {
  try {
    store.catchUp(projectionVersion, replay(store))
  } catch (err) {
    if (err instanceof NewerEventError) throw err
    report('rows of another build not renewed', { err })
  }
}
