import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test as it, onTestFinished } from 'vitest'
import { type Usage, UsageWatch } from '../../../src/engine/usage.ts'
import { TallyError } from '../../../src/errors.ts'
import type { TaskStats } from '../../../src/supervisor/port.ts'
import { ManualTimers } from '../../model/manual-timers.ts'
import { create, openDaemon, origin } from './daemon.ts'

const stats = (readAt: string): TaskStats => ({
  cgroup: 'v1',
  readAt,
  pids: { current: 1, limit: null },
  cpu: { total: 5, user: 3, system: 2, perCpu: [], periods: 0, throttledPeriods: 0, throttledTime: 0 },
  memory: { usage: 1, limit: null, maxUsage: 1, failures: 0, stat: {} },
  blkio: { serviceBytes: [], serviced: [] },
})

/** Containers whose readings are numbered, a time that passes when told to, and followers that note what they get. */
class Watched {
  readonly timers = new ManualTimers()
  readonly asked: string[] = []
  readonly reports: string[] = []
  /** What a container answers instead. */
  readonly errors = new Map<string, Error>()
  readonly watch = new UsageWatch({
    timers: this.timers,
    supervisor: { stats: async (id) => this.#read(id) },
    processorTime: () => ({ total: this.asked.length, online: 2 }),
    report: (message) => void this.reports.push(message),
  })

  follow(id: string): { readonly seen: (string | undefined)[]; readonly leave: () => void } {
    const leaving = new AbortController()
    onTestFinished(() => leaving.abort())
    const seen: (string | undefined)[] = []
    void this.#collect(this.watch.follow(id, leaving.signal), seen)
    return { seen, leave: () => leaving.abort() }
  }

  async second(): Promise<void> {
    await settled()
    this.timers.fireOthers()
    await settled()
  }

  async #collect(readings: AsyncIterable<Usage | undefined>, seen: (string | undefined)[]): Promise<void> {
    for await (const usage of readings) seen.push(usage?.readAt)
  }

  #read(id: string): TaskStats {
    this.asked.push(id)
    const error = this.errors.get(id)
    if (error !== undefined) throw error
    return stats(`${id}${this.asked.length}`)
  }
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await turn()
}

describe('What a container uses', () => {
  it('is read once a second for all who follow it', async () => {
    const watched = new Watched()
    const [one, two] = [watched.follow('a'), watched.follow('a')]
    await watched.second()
    expect(watched.asked).toEqual(['a', 'a'])
    expect([one.seen, two.seen]).toEqual([
      ['a1', 'a2'],
      ['a1', 'a2'],
    ])
  })

  it('is read of no container that nobody follows any more', async () => {
    const watched = new Watched()
    const [one, two] = [watched.follow('a'), watched.follow('b')]
    await settled()
    one.leave()
    await watched.second()
    expect(watched.asked).toEqual(['a', 'b', 'b'])
    two.leave()
    await watched.second()
    expect(watched.asked).toEqual(['a', 'b', 'b'])
  })

  it('is read at once when somebody comes after a time without anybody', async () => {
    const watched = new Watched()
    watched.follow('a').leave()
    await settled()
    const { seen } = watched.follow('a')
    await settled()
    expect(seen).toHaveLength(1)
  })

  it('is told at once to who comes while others follow, without another reading', async () => {
    const watched = new Watched()
    watched.follow('a')
    await settled()
    const { seen } = watched.follow('a')
    await settled()
    expect([seen, watched.asked]).toEqual([['a1'], ['a']])
  })

  it('is nothing while it does not run', async () => {
    const watched = new Watched()
    watched.errors.set('a', new TallyError('not-found', 'no task a'))
    const { seen } = watched.follow('a')
    await settled()
    watched.errors.clear()
    await watched.second()
    expect(seen).toEqual([undefined, 'a2'])
    expect(watched.reports).toEqual([])
  })

  it('that can’t be read is reported and asked for again, and does not keep others waiting', async () => {
    const watched = new Watched()
    watched.errors.set('a', new TallyError('unavailable', 'the supervisor is away'))
    const [one, two] = [watched.follow('a'), watched.follow('b')]
    await settled()
    expect([one.seen, two.seen, watched.reports]).toEqual([[], ['b2'], ['usage not read']])
    watched.errors.clear()
    await watched.second()
    expect(one.seen).toEqual(['a3'])
  })

  it('is not kept for who does not take it: only the newest', async () => {
    const watched = new Watched()
    const readings = watched.watch.follow('a', new AbortController().signal)
    const first = await readings.next()
    for (let seconds = 0; seconds < 3; seconds += 1) await watched.second()
    const next = await readings.next()
    expect([first.value?.readAt, next.value?.readAt]).toEqual(['a1', 'a4'])
    await readings.return(undefined)
  })

  it('comes with the processors’ time of the same moment', async () => {
    const watched = new Watched()
    expect(await watched.watch.read('a')).toMatchObject({ readAt: 'a1', processors: { total: 1, online: 2 } })
  })
})

it('Who follows a container is told its end: it was removed', async () => {
  const daemon = await openDaemon()
  await create(daemon)
  const readings = daemon.engine.followUsage('web', new AbortController().signal)
  const next = readings[Symbol.asyncIterator]().next()
  await daemon.engine.remove('web', { force: false, volumes: false }, origin)
  expect(await next).toMatchObject({ done: true })
  expect(() => daemon.engine.followUsage('web', new AbortController().signal)).toThrow(
    'No such container: web',
  )
})
