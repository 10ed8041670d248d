/** Two hundred containers at once: no error that is not a container's own, and nothing is left. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon } from './daemon.ts'
import { holdings, load } from './load.ts'

describe('two hundred containers at once', () => {
  let daemon: Daemon
  beforeAll(async () => {
    daemon = await new Daemon().start()
    await daemon.importBusybox()
    await load(daemon, 10)
  })
  afterAll(() => daemon?.destroy())

  it('get what their kind deserves and leave nothing', async () => {
    const before = holdings(daemon)
    const { surprises } = await load(daemon, 200)
    expect(surprises).toEqual([])
    const more = () => Object.entries(holdings(daemon)).filter(([what, count]) => count > (before[what] ?? 0))
    await expect.poll(more, { timeout: 30_000 }).toEqual([])
  }, 600_000)
})
