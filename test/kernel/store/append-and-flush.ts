/**
 * Child of the power-cut test: appends bursts to random streams until it is killed, and says a position once it is promised to be
 * durable. With the argument `lie` it promises without flushing. Pauses now and then, so that checkpoints find their quiet moment.
 */
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../../src/clock.ts'
import { openStore } from '../../../src/store/open.ts'
import { project } from './projection.ts'

const [path = '', lie] = process.argv.slice(2)
const store = openStore({ path, clock: systemClock, bootId: 'boot' })
const versions = new Map(store.events.streams('container/').map(({ stream, version }) => [stream, version]))

const chance = (below: number) => Math.floor(Math.random() * below)

function append(): void {
  const stream = `container/${chance(20)}`
  const expectedVersion = versions.get(stream) ?? 0
  const events = Array.from({ length: 1 + chance(3) }, () => ({
    type: 'Filled',
    with: 'x'.repeat(chance(3000)),
  }))
  store.events.append({ stream, expectedVersion, events, project: (recorded) => project(store, recorded) })
  versions.set(stream, expectedVersion + events.length)
}

async function promise(): Promise<void> {
  const head = store.events.head()
  if (lie !== 'lie') await store.events.durable()
  writeSync(1, `${head}\n`)
}

for (let round = 1; ; round++) {
  for (let left = chance(20); left > 0; left--) append()
  const promised = promise()
  if (chance(2) === 0) await promised
  await sleep(round % 30 === 0 ? 80 : chance(4))
}
