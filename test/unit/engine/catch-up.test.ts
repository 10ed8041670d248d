import { describe, expect, test as it } from 'vitest'
import { catchUp } from '../../../src/engine/catch-up.ts'
import { verifyDatabase } from '../../../src/engine/verify.ts'
import { connect } from '../../../src/store/connection.ts'
import { openTemporary } from '../store/temporary-store.ts'
import { type Daemon, openDaemon, origin, projections, reopen, run } from './daemon.ts'

const ignore = (): void => undefined

/** A database with a container that has ended, and what may have become of it in the hands of another build. */
async function leftBy(change: string): Promise<{ readonly daemon: Daemon; readonly before: object }> {
  const daemon = await openDaemon()
  const id = await run(daemon)
  await daemon.engine.stop(id, {}, origin)
  catchUp(daemon.store, ignore)
  const before = projections(daemon)
  await daemon.crash()
  const connection = connect(daemon.options.path)
  connection.exec(change)
  connection.close()
  return { daemon, before }
}

async function upgraded(daemon: Daemon, report: (message: string) => void = ignore): Promise<Daemon> {
  return reopen(daemon, {
    spoil(store) {
      catchUp(store, report)
      return store
    },
  })
}

const spoilRows = `UPDATE containers SET state = replace(state, '"exited"', '"created"'); DELETE FROM messages`
const spoilLog = `DROP TRIGGER events_are_never_updated; UPDATE events SET data = 'x' WHERE position = 2`
const byAnother = 'PRAGMA user_version = 1'

describe('A daemon of a newer build', () => {
  it('shows what its own machine makes of the log, not what the older build had stored', async () => {
    const { daemon, before } = await leftBy(`${spoilRows}; ${byAnother}`)
    const newer = await upgraded(daemon)
    expect(newer.engine.get('web').milestone).toBe('exited')
    expect(projections(newer)).toEqual(before)
  })

  it('leaves the rows alone that its own build has stored', async () => {
    const { daemon } = await leftBy(spoilRows)
    expect((await upgraded(daemon)).engine.get('web').milestone).toBe('created')
  })

  it('goes on with the old rows where the log can’t be replayed, and says so', async () => {
    const { daemon } = await leftBy(`${spoilLog}; ${byAnother}`)
    const reports: string[] = []
    const newer = await upgraded(daemon, (message) => void reports.push(message))
    expect(reports).toEqual(['rows of another build not renewed'])
    expect(newer.engine.list().map(({ name }) => name)).toEqual(['web'])
  })

  it('refuses a log that only a still newer one knows', async () => {
    const { daemon } = await leftBy(byAnother)
    const { path } = daemon.options
    const store = openTemporary({ path })
    store.events.append({ stream: 'container/x', expectedVersion: 0, events: [{ type: 'Teleported' }] })
    expect(() => catchUp(store, ignore)).toThrow('the log has the event Teleported')
  })
})

describe('tally verify', () => {
  const verdict = async (change: string) => {
    const { daemon } = await leftBy(change)
    return verifyDatabase(daemon.options.path).damages.map(({ kind }) => kind)
  }

  it('does not hold rows against another build than the one that stored them', async () => {
    expect(await verdict(`${spoilRows}; ${byAnother}`)).toEqual([])
    expect(await verdict(spoilRows)).toContain('projection')
    expect(await verdict(`${spoilRows}; PRAGMA user_version = 0`)).toContain('projection')
  })
})
