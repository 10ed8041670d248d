import { expect, test as it } from 'vitest'
import { Broadcast } from '../../../src/supervisor/broadcast.ts'

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

it('every reader sees what was published after it came, until it stops', async () => {
  const broadcast = new Broadcast<number>()
  const stop = new AbortController()
  broadcast.publish(0)
  const first = collect(broadcast.subscribe(stop.signal))
  broadcast.publish(1)
  const second = collect(broadcast.subscribe(stop.signal))
  broadcast.publish(2)
  await new Promise(setImmediate)
  stop.abort()
  broadcast.publish(3)
  expect([await first, await second]).toEqual([[1, 2], [2]])
})

it('a reader that left holds nothing up', async () => {
  const broadcast = new Broadcast<number>()
  const stop = new AbortController()
  for await (const item of published(broadcast, stop.signal)) {
    expect(item).toBe(1)
    break
  }
  broadcast.publish(2)
})

it('a reader that never reads is cut off', async () => {
  const broadcast = new Broadcast<number>()
  const reader = broadcast.subscribe(new AbortController().signal)
  for (let item = 0; item < 20_000; item++) broadcast.publish(item)
  await expect(collect(reader)).rejects.toMatchObject({ code: 'unavailable' })
})

it('one who comes after the end reads nothing', async () => {
  const reader = new Broadcast<number>().subscribe(AbortSignal.abort())
  expect(await collect(reader)).toEqual([])
})

function published(broadcast: Broadcast<number>, signal: AbortSignal): AsyncIterable<number> {
  const reader = broadcast.subscribe(signal)
  broadcast.publish(1)
  return reader
}
