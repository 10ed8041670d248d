import { describe, expect, it } from 'vitest'
import {
  duration,
  type HistoryEvent,
  historyJson,
  historyTable,
  type Paint,
} from '../../../src/cli/history.ts'

const plain: Paint = (_style, text) => text
const marked: Paint = (style, text) => `<${style}>${text}</${style}>`

const event = (version: number, type: string, change: Partial<HistoryEvent> = {}): HistoryEvent => ({
  position: 99 + version,
  version,
  type,
  time: `2026-11-24T06:32:43.12345678${version}Z`,
  data: {},
  meta: { monotonic: String(version * 1_500_000), bootId: 'boot' },
  ...change,
})

describe('the history table', () => {
  it('is aligned, with the time since the event before', () => {
    const id = '0123456789abcdef'.repeat(4)
    const events = [
      event(1, 'ContainerCreated', { data: { id, name: 'web', spec: { image: 1 } } }),
      event(2, 'StartRequested', { data: { runId: 'r1' } }),
      event(10, 'ProcessExited', { data: { exitCode: 137, reason: 'the shim died' } }),
    ]
    expect(historyTable(events, plain)).toBe(
      [
        'POSITION  VERSION  TIME                         AFTER  EVENT             DATA',
        '     100        1  2026-11-24T06:32:43.123Z            ContainerCreated  id=0123456789ab name=web spec={…}',
        '     101        2  2026-11-24T06:32:43.123Z  +1.50 ms  StartRequested    runId=r1',
        '     109       10  2026-11-24T06:32:43.123Z  +12.0 ms  ProcessExited     exitCode=137 reason="the shim died"',
        '',
      ].join('\n'),
    )
  })

  it('says why a step failed', () => {
    const failure = { code: 'x', message: 'exec: "foo": not found', exitCode: 127 }
    expect(historyTable([event(1, 'StepFailed', { data: { failure } })], plain)).toContain(
      'failure="exec: \\"foo\\": not found"',
    )
  })

  it('can not be made to send control characters to the terminal', () => {
    const table = historyTable([event(1, 'ContainerCreated', { data: { name: '\u001b[2J' } })], plain)
    expect(table).not.toContain('\u001b')
  })

  it('paints the heading and what went wrong', () => {
    const table = historyTable([event(1, 'StepFailed'), event(2, 'Released'), event(3, 'OomKilled')], marked)
    expect(table.split('\n').map((line) => /^<\w+>/.exec(line)?.[0])).toEqual([
      '<bold>',
      '<red>',
      undefined,
      '<red>',
      undefined,
    ])
  })

  it('measures over a reboot by the wall clock', () => {
    const before = event(1, 'ProcessStarted')
    const after = event(2, 'HostRebooted', {
      time: '2026-11-24T08:32:43.123456781Z',
      meta: { monotonic: '5', bootId: 'other' },
    })
    expect(historyTable([before, after], plain)).toContain('+2.00 h')
  })
})

describe('the JSON form', () => {
  it('is one line with position, version, type, time and data', () => {
    const line = historyJson(event(1, 'Paused', { data: { runId: 'a\nb' } }))
    expect(line.indexOf('\n')).toBe(line.length - 1)
    expect(JSON.parse(line)).toEqual({
      position: 100,
      version: 1,
      type: 'Paused',
      time: '2026-11-24T06:32:43.123456781Z',
      data: { runId: 'a\nb' },
    })
  })
})

describe('a duration', () => {
  it.each([
    [0n, '+0 us'],
    [412_300n, '+412 us'],
    [1_250_000n, '+1.25 ms'],
    [99_900_000n, '+99.9 ms'],
    [452_000_000n, '+452 ms'],
    [3_400_000_000n, '+3.40 s'],
    [125_000_000_000n, '+2.08 min'],
    [-2_000_000n, '-2.00 ms'],
    [172_800_000_000_000n, '+2.00 d'],
  ])('of %s ns is %s', (span, text) => {
    expect(duration(span)).toBe(text)
  })
})
