import { describe, expect, test as it } from 'vitest'
import { catchUp } from '../../../src/engine/catch-up.ts'
import { connect } from '../../../src/store/connection.ts'
import { type Daemon, openDaemon, origin, projections, reopen, run } from './daemon.ts'

/** A container that has ended, and rows that an older build might have left of it. */
async function upgraded(change: string): Promise<{ readonly daemon: Daemon; readonly before: object }> {
  const old = await openDaemon()
  const id = await run(old)
  await old.engine.stop(id, {}, origin)
  catchUp(old.store, () => undefined)
  const before = projections(old)
  await old.crash()
  const connection = connect(old.options.path)
  connection.exec(change)
  connection.close()
  const reports: string[] = []
  const daemon = await reopen(old, {
    spoil(store) {
      catchUp(store, (message) => void reports.push(message))
      return store
    },
  })
  return { daemon, before: { ...before, reports } }
}

const spoilRows = `UPDATE containers SET state = replace(state, '"exited"', '"created"'); DELETE FROM messages`

describe('A daemon of a newer build', () => {
  it('shows what its own machine makes of the log, not what the older build had stored', async () => {
    const { daemon, before } = await upgraded(`${spoilRows}; PRAGMA user_version = 1`)
    expect(daemon.engine.get('web').milestone).toBe('exited')
    expect({ ...projections(daemon), reports: [] }).toEqual(before)
  })

  it('leaves the rows alone that its own build has stored', async () => {
    const { daemon } = await upgraded(spoilRows)
    expect(daemon.engine.get('web').milestone).toBe('created')
  })

  it('goes on with the old rows where the log can’t be replayed, and says so', async () => {
    const damage = `DROP TRIGGER events_are_never_updated; UPDATE events SET data = 'x' WHERE position = 2`
    const { daemon, before } = await upgraded(`${damage}; PRAGMA user_version = 1`)
    expect(before).toMatchObject({ reports: ['rows of an older build not renewed'] })
    expect(daemon.engine.list().map(({ name }) => name)).toEqual(['web'])
  })
})
