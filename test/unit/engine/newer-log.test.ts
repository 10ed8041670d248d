import { describe, expect, test as it } from 'vitest'
import { verifyDatabase } from '../../../src/engine/verify.ts'
import { create, type Daemon, openDaemon, reopen } from './daemon.ts'

/** Appends what a Tallyman of another time would have. */
function appendForeign({ store }: Daemon, id: string, event: { readonly type: string }): void {
  store.events.append({ stream: `container/${id}`, expectedVersion: 1, events: [event] })
}

describe('A log with an event of a newer Tallyman', () => {
  it('is refused when the daemon starts', async () => {
    const daemon = await openDaemon()
    appendForeign(daemon, await create(daemon), { type: 'Teleported' })
    const refusal = 'the log has the event Teleported, which only a newer Tallyman knows'
    await expect(reopen(daemon)).rejects.toThrow(refusal)
  })

  it('cannot be verified by this one', async () => {
    const daemon = await openDaemon()
    appendForeign(daemon, await create(daemon), { type: 'Teleported' })
    await daemon.crash()
    expect(() => verifyDatabase(daemon.options.path)).toThrow('which only a newer Tallyman knows')
  })
})
