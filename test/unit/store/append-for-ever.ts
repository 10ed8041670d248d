/** Child of the crash test: appends to the database of its argument until it is killed, and says each position once its append has returned. */
import { writeSync } from 'node:fs'
import { systemClock } from '../../../src/clock.ts'
import { openStore } from '../../../src/store/open.ts'

const store = openStore({ path: process.argv[2] ?? '', clock: systemClock, bootId: 'boot' })
for (;;) {
  const stream = `container/${store.events.head() % 7}`
  const expectedVersion = store.events.read(stream).length
  const [recorded] = store.events.append({
    stream,
    expectedVersion,
    events: [{ type: 'Counted' }],
    project: (events) => {
      for (const { position } of events) {
        const row = { timeNano: BigInt(position), type: 'container', action: 'count', actorId: stream }
        store.messages.put({ position, ordinal: 0, ...row, attributes: {} })
      }
    },
  })
  writeSync(1, `${recorded?.position}\n`)
}
