/** `tally rebuild`: makes everything that is derived from the log anew, where the log is whole and the rest is not. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { systemClock } from '../clock.ts'
import { replay } from '../engine/replay.ts'
import { TallyError } from '../errors.ts'
import { bootId } from '../kernel/host.ts'
import { databasePath } from '../paths.ts'
import { openStore, type Store } from '../store/open.ts'
import { defaultDataRoot } from './host.ts'

export function addRebuild(program: Command, terminal: { readonly out: NodeJS.WritableStream }): void {
  program
    .command('rebuild')
    .description('Make all that is derived from the log anew. The daemon must not run.')
    .option('--data-root <dir>', 'data root of the daemon', defaultDataRoot)
    .action(async ({ dataRoot }: { readonly dataRoot: string }) => {
      const events = await rebuild(databasePath({ dataRoot, execRoot: '' }))
      terminal.out.write(`rebuilt from ${events.toLocaleString('en')} events\n`)
    })
}

/** @throws TallyError conflict for a daemon that runs; internal for a log that is damaged. */
async function rebuild(path: string): Promise<number> {
  if (!existsSync(path)) throw new TallyError('not-found', `there is no database ${path}`)
  const store = openStore({ path, clock: systemClock, bootId: bootId() })
  try {
    requireWholeLog(store)
    store.rebuild(replay(store))
    return store.events.head()
  } finally {
    await store.close()
  }
}

function requireWholeLog({ events }: Store): void {
  const { damage } = events.verify()
  if (damage === undefined) return
  throw new TallyError('internal', `the log itself is damaged at event ${damage.position}: run tally verify`)
}
