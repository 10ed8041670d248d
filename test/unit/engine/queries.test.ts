import { describe, expect, test as it } from 'vitest'
import { nanoseconds, systemClock } from '../../../src/clock.ts'
import { findContainer, followMessages } from '../../../src/engine/queries.ts'
import type { Store } from '../../../src/store/open.ts'
import type { ContainerRow, MessageRow } from '../../../src/store/port.ts'
import { openTemporary } from '../store/temporary-store.ts'
import { create, openDaemon, origin } from './daemon.ts'
import { turns } from './turns.ts'

const now = (): bigint => nanoseconds(systemClock.now())

/** Appends one event with as many messages as there are actions. */
function say(store: Store, actions: readonly string[], timeNano = now()): void {
  store.events.append({
    stream: 'talk',
    expectedVersion: store.events.head(),
    events: [{ type: 'Said' }],
    project([recorded]) {
      for (const [ordinal, action] of actions.entries()) {
        const position = recorded?.position ?? 0
        store.messages.put({ position, ordinal, timeNano, type: 'x', action, actorId: 'a', attributes: {} })
      }
    },
  })
}

const follow = (
  store: Store,
  range: { readonly since?: bigint; readonly until?: bigint } = {},
  signal = new AbortController().signal,
  clock = now,
) => followMessages({ ...store, now: clock }, range, signal)

async function all(messages: AsyncIterable<MessageRow>): Promise<readonly string[]> {
  const actions: string[] = []
  for await (const { action } of messages) actions.push(action)
  return actions
}

describe('Following messages', () => {
  it('shows past ones in the range, and ends if the end of the range is past', async () => {
    const store = openTemporary()
    for (const time of [10n, 20n, 30n, 40n]) say(store, [`at ${time}`], time)
    expect(await all(follow(store, { since: 20n, until: 30n }))).toEqual(['at 20', 'at 30'])
    expect(await all(follow(store, { until: 20n, since: 0n }))).toEqual(['at 10', 'at 20'])
    expect(await all(follow(store, { since: 50n, until: 60n }))).toEqual([])
  })

  it('without a range shows only what comes', async () => {
    const store = openTemporary()
    say(store, ['past'])
    const messages = follow(store)
    const first = messages.next()
    say(store, ['quiet'].slice(1))
    say(store, ['new'])
    expect((await first).value).toMatchObject({ action: 'new' })
    await messages.return(undefined)
  })

  it('has no gap and no duplicate between what was and what comes', async () => {
    const store = openTemporary()
    const client = new AbortController()
    const seen: string[] = []
    for (let index = 0; index < 300; index += 1) say(store, [`${index}`])
    const reading = (async () => {
      for await (const { action } of follow(store, { since: 0n }, client.signal)) {
        seen.push(action)
        if (seen.length % 50 === 0) await turns(2)
      }
    })()
    for (let index = 300; index < 600; index += 1) {
      say(store, [`${index}`])
      if (index % 7 === 0) await turns(1)
    }
    await expect.poll(() => seen.length).toBe(600)
    client.abort()
    await reading
    expect(seen).toEqual(Array.from({ length: 600 }, (_, index) => `${index}`))
  })

  it('shows all messages of one event, also to a client that is slow between them', async () => {
    const store = openTemporary()
    const messages = follow(store, { since: 0n })
    say(store, ['start', 'restart'])
    expect((await messages.next()).value).toMatchObject({ action: 'start' })
    say(store, ['die'])
    expect((await messages.next()).value).toMatchObject({ action: 'restart' })
    expect((await messages.next()).value).toMatchObject({ action: 'die' })
    await messages.return(undefined)
  })

  it('ends when the end of the range has come', async () => {
    const store = openTemporary()
    const messages = all(follow(store, { until: now() + 80_000_000n }))
    await turns(1)
    say(store, ['in time'])
    expect(await messages).toEqual(['in time'])
  })

  it('shows a slow client all that happened before the end of the range, though it has passed meanwhile', async () => {
    const store = openTemporary()
    let time = 5n
    const messages = follow(store, { since: 0n, until: 10n }, undefined, () => time)
    say(store, ['first'], 4n)
    expect((await messages.next()).value).toMatchObject({ action: 'first' })
    say(store, ['second'], 9n)
    time = 20n
    expect(await all(messages)).toEqual(['second'])
  })

  it('waits for an end that is further away than a timer reaches', async () => {
    const store = openTemporary()
    const client = new AbortController()
    const looks = { count: 0 }
    const counting = () => {
      looks.count += 1
      return now()
    }
    const year = 365n * 86_400n * 1_000_000_000n
    const messages = all(follow(store, { until: now() + year }, client.signal, counting))
    await new Promise((resolve) => setTimeout(resolve, 30))
    client.abort()
    expect(await messages).toEqual([])
    expect(looks.count).toBeLessThan(5)
  })

  it.each([
    ['while it waits', 40],
    ['before it began', 0],
  ])('ends when the client is gone %s', async (_, count) => {
    const store = openTemporary()
    const client = new AbortController()
    const messages = all(follow(store, {}, client.signal))
    await turns(count)
    client.abort()
    expect(await messages).toEqual([])
  })

  it('ends when the client leaves with a message in its hand', async () => {
    const store = openTemporary()
    say(store, ['one'])
    const client = new AbortController()
    const messages = follow(store, { since: 0n }, client.signal)
    await messages.next()
    client.abort()
    expect(await messages.next()).toEqual({ done: true, value: undefined })
  })

  it('misses nothing between being asked for and being read', async () => {
    const daemon = await openDaemon()
    const client = new AbortController()
    const messages = daemon.engine.messages({}, client.signal)[Symbol.asyncIterator]()
    await create(daemon)
    expect((await messages.next()).value).toMatchObject({ action: 'create' })
    client.abort()
  })
})

describe('A container', () => {
  const row = (id: string, name: string): ContainerRow => ({
    ...{ id, name, version: 1, removed: false, createdAt: '', state: { value: 'created', context: {} } },
  })
  const ids = { a: 'abc'.padEnd(64, '0'), b: 'abd'.padEnd(64, '0'), c: 'fff'.padEnd(64, '0') }

  function store(): Store {
    const opened = openTemporary()
    const rows = [row(ids.a, 'one'), row(ids.b, 'abc'), row(ids.c, 'three')]
    opened.events.append({
      ...{ stream: 's', expectedVersion: 0, events: [{ type: 'x' }] },
      project: () => rows.forEach(opened.containers.put),
    })
    return opened
  }

  it.each([
    [ids.a, ids.a],
    ['one', ids.a],
    ['/one', ids.a],
    ['abc', ids.b],
    ['abc0', ids.a],
    ['f', ids.c],
  ])('is found by %s: id first, then name, then a beginning of the id', (ref, id) => {
    expect(findContainer(store().containers, ref).id).toBe(id)
  })

  it.each(['', 'two', 'e', '/', 'FFF'])('is not found by %j', (ref) => {
    expect(() => findContainer(store().containers, ref)).toThrow(`No such container: ${ref}`)
  })

  it('is not guessed', () => {
    expect(() => findContainer(store().containers, 'ab')).toThrow(
      'Multiple IDs found with provided prefix: ab',
    )
  })
})

describe('A history', () => {
  it('outlives the container, by its full id', async () => {
    const daemon = await openDaemon()
    const id = await create(daemon)
    await daemon.engine.remove('web', { force: false, volumes: false }, origin)
    expect(daemon.engine.history(id).map(({ event }) => event.type)).toContain('Removed')
    expect(() => daemon.engine.history(id.slice(0, 12))).toThrow('No such container')
  })
})
