/** What the matrix of fault points holds against each row: every kind of untruth has to be found. */
import { describe, expect, it } from 'vitest'
import { foldHistory, type Told } from '../../faults/history.ts'
import { exits, promises, sameState } from '../../faults/invariants.ts'

const second = (number: number): string => `2026-01-01T00:00:0${number}.000000000Z`

const history = (...events: readonly (readonly [Told['type'], object?])[]): readonly Told[] =>
  events.map(([type, data = {}], index) => ({
    type,
    version: index + 1,
    time: second(index),
    data: { runId: 'a', ...data },
  }))

const started = ['ProcessStarted', { startedAt: second(0) }] as const
const exited = (exitCode: number, data: object = {}) =>
  ['ProcessExited', { exitCode, exitedAt: second(1), ...data }] as const
const asked = ['StopRequested', { signal: 'SIGTERM' }] as const
const strict = { before: {}, codesMayBeLost: false }

describe('the exits of a history', () => {
  it('are true if each start has one end with the code that was asked for', () => {
    expect(exits(history(started, asked, exited(5), ['Released']), strict)).toEqual([])
  })

  it('are untrue if an end is missing after the release', () => {
    expect(exits(history(started, asked, ['Released']), strict)).toEqual([
      '3: the end of run a was not recorded',
    ])
  })

  it('are untrue if one end is recorded twice', () => {
    expect(exits(history(started, asked, exited(5), exited(5)), strict)).toEqual(['3: run a ended 2 times'])
  })

  it('are untrue if a run ends that never started', () => {
    expect(exits(history(asked, exited(5)), strict)).toEqual(['3: run a ended without a start'])
  })

  it('are untrue with a code that nothing explains', () => {
    expect(exits(history(started, asked, exited(0)), strict)).toHaveLength(1)
    expect(exits(history(started, exited(137)), strict)).toHaveLength(1)
  })

  it('are not explained by what was done to an earlier run', () => {
    const earlier = [started, asked, exited(5), ['Released']] as const
    const later = ['ProcessStarted', { runId: 'b', startedAt: second(4) }] as const
    const end = exited(5, { runId: 'b', exitedAt: second(5) })
    expect(exits(history(...earlier, later, end), strict)).toHaveLength(1)
    expect(exits(history(...earlier, later, asked, end), strict)).toEqual([])
  })

  it('may have lost their code only where whoever knew it was killed, and only with a reason', () => {
    const lost = history(started, asked, exited(255, { reason: 'the shim was killed' }))
    expect(exits(lost, strict)).toHaveLength(1)
    expect(exits(lost, { ...strict, codesMayBeLost: true })).toEqual([])
    expect(exits(history(started, asked, exited(255)), { ...strict, codesMayBeLost: true })).toHaveLength(1)
  })

  it('are untrue with an end before the start', () => {
    const late = ['ProcessStarted', { startedAt: second(3) }] as const
    expect(exits(history(late, asked, exited(5)), strict)).toHaveLength(1)
  })
})

describe('what was promised', () => {
  it('is in the log as often as it was answered with success', () => {
    const told = history(['ContainerCreated'], ['StartRequested'])
    expect(promises(['create', 'start'], told)).toEqual([])
    expect(promises(['create', 'start', 'start'], told)).toEqual([
      '6: start succeeded 2 times, StartRequested is there 1 times',
    ])
  })
})

describe('the state that the API shows', () => {
  const never = '0001-01-01T00:00:00Z'
  const State = { Running: false, Paused: false, OOMKilled: false, Pid: 0, ExitCode: 0 }
  const shown = { Name: '/', State: { ...State, StartedAt: never, FinishedAt: never } }
  const life = foldHistory([])

  it('is the folded one', () => {
    expect(sameState(life, 200, JSON.stringify(shown))).toEqual([])
  })

  it('is untrue if it runs and the log does not say so', () => {
    const running = { ...shown, State: { ...shown.State, Running: true, Pid: 7 } }
    expect(sameState(life, 200, JSON.stringify(running))).toHaveLength(2)
  })

  it('is untrue if it is gone and the log does not say so', () => {
    expect(sameState(life, 404, '{}')).toHaveLength(1)
  })
})
