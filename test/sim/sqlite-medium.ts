/** The real store on files. What was flushed is what its files were at the last virtual flush; a power cut puts these back. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { groupFlush } from '../../src/store/flush.ts'
import { openStore, type Store } from '../../src/store/open.ts'
import type { Medium, MediumOptions } from './medium.ts'
import type { SimulatedStore } from './memory-store.ts'

export function sqliteMedium({ clock, flushing }: MediumOptions): Medium {
  const root = mkdtempSync(join(tmpdir(), 'tally-sim-'))
  const [live, flushed] = [join(root, 'live'), join(root, 'flushed')]
  for (const directory of [live, flushed]) mkdirSync(directory)
  let store: Store | undefined
  let syncedHead = 0
  let powerCuts = 0

  async function flush(): Promise<void> {
    const [before, head] = [powerCuts, store?.events.head() ?? 0]
    replaceFiles(live, flushed)
    await flushing()
    if (before === powerCuts) syncedHead = Math.max(syncedHead, head)
  }

  function withFlushes({ events, containers, messages }: Store): SimulatedStore {
    const { wrote, durable } = groupFlush(flush)
    return {
      ...{ containers, messages },
      row(id) {
        const row = containers.byId(id)
        return row && { version: row.version, state: JSON.stringify(row.state) }
      },
      events: {
        ...events,
        durable,
        append(append) {
          const recorded = events.append(append)
          wrote()
          return recorded
        },
      },
    }
  }

  return {
    open(bootId) {
      const path = join(live, 'tallyman.db')
      store = openStore({ path, clock, bootId, onFatal: () => undefined })
      return withFlushes(store)
    },
    close: async () => store?.close(),
    cutPower() {
      powerCuts += 1
      if (readdirSync(flushed).length > 0) replaceFiles(flushed, live)
    },
    get syncedHead() {
      return syncedHead
    },
    dispose: () => rmSync(root, { recursive: true, force: true }),
  }
}

/** Nobody writes meanwhile: SQLite works on this thread. */
function replaceFiles(from: string, to: string): void {
  for (const name of ['tallyman.db', 'tallyman.db-wal', 'tallyman.db.head']) {
    rmSync(join(to, name), { force: true })
    if (existsSync(join(from, name))) copyFileSync(join(from, name), join(to, name))
  }
}
