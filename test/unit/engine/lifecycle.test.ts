import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test as it } from 'vitest'
import type { ContainerEvent } from '../../../machines/container-events.ts'
import type { Effect, EffectType, Life, Timer } from '../../../machines/container-life.ts'
import { Lifecycle, type RecordContext } from '../../../src/engine/lifecycle.ts'
import { TallyError } from '../../../src/errors.ts'
import {
  created,
  exited,
  later,
  lifeAfter,
  released,
  started,
  startRequested,
  steps,
  stopRequested,
} from './container-log.ts'
import { origin } from './daemon.ts'

interface Performance {
  readonly effect: Effect
  readonly signal: AbortSignal
  readonly answer: (events: readonly ContainerEvent[]) => void
  readonly fail: (error: unknown) => void
}

type Bench = ReturnType<typeof bench>

/** A lifecycle whose log, workers and timers are in the test's hands. */
function bench(...events: readonly ContainerEvent[]) {
  const log: ContainerEvent[] = []
  const contexts: RecordContext[] = []
  const performances: Performance[] = []
  const sleeps = new Map<() => void, number | string>()
  const reports: string[] = []
  const disk = { full: false }
  const sleep = (time: number | string, wake: () => void) => {
    sleeps.set(wake, time)
    return () => void sleeps.delete(wake)
  }
  const ports = {
    record(event: ContainerEvent, context: RecordContext) {
      if (disk.full) throw new TallyError('unavailable', 'no space left on device')
      contexts.push(context)
      return log.push(event)
    },
    perform(effect: Effect, _: Life, signal: AbortSignal) {
      const { promise, resolve, reject } = Promise.withResolvers<readonly ContainerEvent[]>()
      performances.push({ effect, signal, answer: resolve, fail: reject })
      return promise
    },
    sleep,
    sleepUntil: sleep,
    reach: () => undefined,
    timerEvent: ({ type }: Timer): ContainerEvent =>
      type === 'StopDeadlinePassed'
        ? { type, killDeadline: later }
        : type === 'RestartDue'
          ? { type, runId: 'next' }
          : { type },
    report: (message: string) => void reports.push(message),
  }
  const lifecycle = new Lifecycle(ports, lifeAfter(...events), events.length)
  return {
    lifecycle,
    log,
    contexts,
    sleeps,
    reports,
    disk,
    types: () => log.map(({ type }) => type),
    performing: () => performances.map(({ effect }) => effect.type),
    /** The newest performance of an effect, once it has begun. */
    async newest(type: EffectType): Promise<Performance> {
      await turn()
      const found = performances.findLast(({ effect }) => effect.type === type)
      if (found === undefined) throw new Error(`${type} was not begun`)
      return found
    },
    async answer(type: EffectType, ...answer: readonly ContainerEvent[]): Promise<void> {
      ;(await this.newest(type)).answer(answer)
      await turn()
    },
    /** All sleeping ends. */
    async wake(): Promise<void> {
      const waking = [...sleeps.keys()]
      sleeps.clear()
      for (const wake of waking) wake()
      await turn()
    },
  }
}

const start = { type: 'start', runId: 'r1' } as const
const kill = (signal: string) => ({ type: 'kill', signal, ref: 'web' }) as const

describe('A lifecycle', () => {
  it('begins what its state asks for when it is resumed, and nothing before', async () => {
    const bed = bench(created(), startRequested())
    await turn()
    expect(bed.performing()).toEqual([])
    bed.lifecycle.resume()
    await turn()
    expect(bed.performing()).toEqual(['mountRootfs'])
  })

  it('goes from effect to effect by what they answer', async () => {
    const bed = bench(created())
    bed.lifecycle.command(start, origin)
    for (const [index, event] of steps().entries()) {
      const effects = ['mountRootfs', 'prepareBundle', 'startShim', 'awaitPid', 'startProcess'] as const
      await bed.answer(effects[index] ?? 'mountRootfs', event)
    }
    expect(bed.types()).toEqual(started().map(({ type }) => type))
    expect(bed.performing().at(-1)).toBe('watchProcess')
  })

  it('hands on who asked and which event caused an effect to what the effect brings', async () => {
    const bed = bench(created())
    bed.lifecycle.command(start, origin)
    await bed.answer('mountRootfs', ...steps().slice(0, 1))
    expect(bed.contexts[0]).toMatchObject({ version: 2, origin, causationId: undefined })
    expect(bed.contexts[1]).toMatchObject({ version: 3, origin, causationId: 1 })
  })

  it('ignores what an aborted worker answers late, and lets it finish before the undo', async () => {
    const bed = bench(created())
    bed.lifecycle.command(start, origin)
    const mounting = await bed.newest('mountRootfs')
    bed.lifecycle.observe(stopRequested)
    await turn()
    expect(mounting.signal.aborted).toBe(true)
    expect(bed.performing()).toEqual(['mountRootfs'])
    mounting.answer(steps().slice(0, 1))
    await turn()
    expect(bed.performing()).toEqual(['mountRootfs', 'release'])
    expect(bed.types()).toEqual(['StartRequested', 'StopRequested'])
  })

  it('does not take the failure of an aborted worker for one', async () => {
    const bed = bench(created())
    bed.lifecycle.command(start, origin)
    const mounting = await bed.newest('mountRootfs')
    bed.lifecycle.observe(stopRequested)
    mounting.fail(new Error('aborted'))
    await turn()
    expect([bed.reports, bed.types()]).toEqual([[], ['StartRequested', 'StopRequested']])
  })

  it('records a failed step with all that is known of it', async () => {
    const bed = bench(created())
    bed.lifecycle.command(start, origin)
    const error = new TallyError('internal', 'no such file', { exitCode: 127, detail: 'runc: no' })
    ;(await bed.newest('mountRootfs')).fail(error)
    await turn()
    expect(bed.log.at(-1)).toEqual({
      type: 'StepFailed',
      runId: 'r1',
      step: 'mountRootfs',
      failure: { code: 'internal', message: 'no such file', exitCode: 127, detail: 'runc: no' },
    })
  })

  it('gives a step that failed by a bug Docker’s exit code 128', async () => {
    const bed = bench(created())
    bed.lifecycle.command(start, origin)
    ;(await bed.newest('mountRootfs')).fail('out of luck')
    await turn()
    expect(bed.log.at(-1)).toMatchObject({
      failure: { code: 'internal', message: 'out of luck', exitCode: 128 },
    })
  })

  it('tries a release again, later each time, until it succeeds', async () => {
    const bed = bench(created(), ...started(), exited())
    bed.lifecycle.resume()
    const delays: (number | string | undefined)[] = []
    for (let attempt = 0; attempt < 9; attempt += 1) {
      ;(await bed.newest('release')).fail(new Error('busy'))
      await turn()
      delays.push(...bed.sleeps.values())
      await bed.wake()
    }
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
    await bed.answer('release', released())
    expect(bed.types()).toEqual(['Released'])
    expect(bed.lifecycle.life.value).toBe('exited')
  })

  it('stays what it is if a command can’t be recorded', async () => {
    const bed = bench(created())
    bed.disk.full = true
    expect(() => bed.lifecycle.command(start, origin)).toThrow('no space left on device')
    await turn()
    expect([bed.lifecycle.life.value, bed.lifecycle.version, bed.performing()]).toEqual(['created', 1, []])
    bed.disk.full = false
    expect(bed.lifecycle.command(start, origin).kind).toBe('record')
  })

  it('carries an effect out again, later each time, while its result can’t be recorded', async () => {
    const bed = bench(created(), startRequested())
    bed.lifecycle.resume()
    bed.disk.full = true
    const delays: (number | string)[] = []
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await bed.answer('mountRootfs', ...steps().slice(0, 1))
      delays.push(...bed.sleeps.values())
      await bed.wake()
    }
    bed.disk.full = false
    await bed.answer('mountRootfs', ...steps().slice(0, 1))
    expect(delays).toEqual([100, 200, 400])
    expect(bed.types()).toEqual(['RootfsMounted'])
    expect(bed.performing()).toEqual([...Array(4).fill('mountRootfs'), 'prepareBundle'])
  })

  it('never does an effect twice at the same time, also when only its first event could be recorded', async () => {
    const bed = bench(created(), ...started())
    bed.lifecycle.resume()
    const both = [{ type: 'OomKilled', runId: 'r1' }, exited(137)] as const
    const watching = await bed.newest('watchProcess')
    bed.lifecycle.until((_, event) => {
      if (event?.type === 'OomKilled') bed.disk.full = true
    })
    watching.answer(both)
    await turn()
    expect(bed.performing()).toEqual(['watchProcess'])
    bed.disk.full = false
    await bed.wake()
    expect(bed.performing()).toEqual(['watchProcess', 'watchProcess'])
    await bed.answer('watchProcess', ...both)
    expect(bed.types()).toEqual(['OomKilled', 'ProcessExited'])
  })

  it('does not begin an effect at once again whose answer changed nothing', async () => {
    const bed = bench(created(), startRequested())
    bed.lifecycle.resume()
    await bed.answer('mountRootfs', { type: 'RootfsMounted', runId: 'another', rootfs: '/' })
    expect([bed.performing(), [...bed.sleeps.values()]]).toEqual([['mountRootfs'], [100]])
  })

  it('records the deadline of a stop, and tries again while it can’t', async () => {
    const bed = bench(created(), ...started(), stopRequested)
    bed.lifecycle.resume()
    expect([...bed.sleeps.values()]).toEqual([later])
    bed.disk.full = true
    await bed.wake()
    expect([bed.types(), [...bed.sleeps.values()]]).toEqual([[], [100]])
    bed.disk.full = false
    await bed.wake()
    expect(bed.types()).toEqual(['StopDeadlinePassed'])
  })

  it('records what it witnesses in order, and loses nothing while it can’t', async () => {
    const bed = bench(created(), ...started())
    bed.lifecycle.resume()
    bed.disk.full = true
    bed.lifecycle.witness(() => ({ type: 'Paused', runId: 'r1' }))
    bed.disk.full = false
    bed.lifecycle.witness(() => ({ type: 'Resumed', runId: 'r1' }))
    expect(bed.types()).toEqual([])
    await bed.wake()
    expect(bed.types()).toEqual(['Paused', 'Resumed'])
    bed.lifecycle.witness(() => ({ type: 'OomKilled', runId: 'r1' }))
    expect(bed.types()).toEqual(['Paused', 'Resumed', 'OomKilled'])
  })

  it.each([
    ['a command', async (bed: Bench) => void bed.lifecycle.command(kill('SIGKILL'), origin), 'KillRequested'],
    ['a fact', async (bed: Bench) => void bed.lifecycle.observe({ type: 'Attached' }), 'Attached'],
    ['the end of an effect', (bed: Bench) => bed.answer('watchProcess', exited(137)), 'ProcessExited'],
  ])('records what it witnessed before %s that comes later', async (_, bring, brought) => {
    const bed = bench(created(), ...started())
    bed.lifecycle.resume()
    bed.disk.full = true
    bed.lifecycle.witness(() => ({ type: 'OomKilled', runId: 'r1' }))
    bed.disk.full = false
    await bring(bed)
    expect(bed.types()).toEqual(['OomKilled', brought])
  })

  it('drops the timer of a state that is left', () => {
    const bed = bench(created(), ...started(), stopRequested)
    bed.lifecycle.resume()
    expect(bed.sleeps.size).toBe(1)
    bed.lifecycle.observe(exited())
    expect(bed.sleeps.size).toBe(0)
  })

  it('records a signal before the end that it brought, but waits for it one second at most', async () => {
    const bed = bench(created(), ...started())
    bed.lifecycle.resume()
    bed.lifecycle.command(kill('SIGKILL'), origin)
    await bed.answer('watchProcess', exited(137))
    expect(bed.types()).toEqual(['KillRequested'])
    expect([...bed.sleeps.values()]).toEqual([1000])
    await bed.answer('sendSignal', { type: 'SignalSent', runId: 'r1', signal: 'SIGKILL' })
    expect(bed.types()).toEqual(['KillRequested', 'SignalSent', 'ProcessExited'])

    const hung = bench(created(), ...started())
    hung.lifecycle.resume()
    hung.lifecycle.command(kill('SIGKILL'), origin)
    await hung.answer('watchProcess', exited(137))
    await hung.wake()
    expect(hung.types()).toEqual(['KillRequested', 'ProcessExited'])
  })

  it('records a signal that could not be sent and goes on to the next', async () => {
    const bed = bench(created(), ...started())
    bed.lifecycle.resume()
    bed.lifecycle.command(kill('SIGHUP'), origin)
    bed.lifecycle.command(kill('SIGINT'), origin)
    ;(await bed.newest('sendSignal')).fail(new TallyError('not-found', 'already finished'))
    await turn()
    const { effect } = await bed.newest('sendSignal')
    expect(effect).toMatchObject({ signal: 'SIGINT' })
    expect(bed.log.at(-1)).toEqual({
      type: 'SignalFailed',
      runId: 'r1',
      signal: 'SIGHUP',
      message: 'already finished',
      code: 'not-found',
    })
  })
})

describe('A stopped lifecycle', () => {
  it('aborts its effects, waits for them, and records nothing any more', async () => {
    const bed = bench(created(), startRequested())
    bed.lifecycle.resume()
    const { signal, answer } = await bed.newest('mountRootfs')
    const stopped = bed.lifecycle.stop()
    expect(signal.aborted).toBe(true)
    answer(steps().slice(0, 1))
    await stopped
    expect(bed.lifecycle.observe({ type: 'RootfsMounted', runId: 'r1', rootfs: '/' })).toBe(false)
    bed.lifecycle.witness(() => ({ type: 'RootfsMounted', runId: 'r1', rootfs: '/' }))
    expect(bed.types()).toEqual([])
  })

  it('sleeps no more', async () => {
    const bed = bench(created(), ...started(), stopRequested)
    bed.lifecycle.resume()
    bed.disk.full = true
    bed.lifecycle.witness(() => ({ type: 'Paused', runId: 'r1' }))
    expect(bed.sleeps.size).toBe(2)
    const effects = [await bed.newest('watchProcess'), await bed.newest('sendSignal')]
    const stopped = bed.lifecycle.stop()
    for (const effect of effects) effect.fail(new Error('aborted'))
    await stopped
    expect(bed.sleeps.size).toBe(0)
  })
})

describe('until', () => {
  it('answers at once, or with the first event that fits', async () => {
    const { lifecycle } = bench(created())
    expect(await lifecycle.until((life) => life.context.name)).toBe('web')
    const started = lifecycle.until((life) => (life.matches('launching') ? life.context.run?.id : undefined))
    lifecycle.command(start, origin)
    expect(await started).toBe('r1')
  })

  it('rejects with what the probe throws, and does not ask it again', async () => {
    const { lifecycle } = bench(created())
    let asked = 0
    const probed = lifecycle.until((_, event) => {
      asked += 1
      if (event !== undefined) throw new Error('no')
    })
    lifecycle.command(start, origin)
    await expect(probed).rejects.toThrow('no')
    lifecycle.observe(stopRequested)
    expect(asked).toBe(2)
  })

  it('rejects when its signal aborts, before or after', async () => {
    const { lifecycle } = bench(created())
    const early = lifecycle.until(() => 1, AbortSignal.abort(new Error('early')))
    await expect(early).rejects.toThrow('early')
    const controller = new AbortController()
    const waiting = lifecycle.until(() => undefined, controller.signal)
    controller.abort(new Error('late'))
    await expect(waiting).rejects.toThrow('late')
  })
})
