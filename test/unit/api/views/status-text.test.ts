import { describe, expect, test as it } from 'vitest'
import { durationText, statusText } from '../../../../src/api/views/status-text.ts'
import { now, viewOf } from '../parts.ts'

const minute = 60
const hour = 60 * minute
const day = 24 * hour

/** As Go's units.HumanDuration has them: units of docker/go-units. */
it.each([
  [0, 'Less than a second'],
  [1, '1 second'],
  [59, '59 seconds'],
  [minute, 'About a minute'],
  [2 * minute - 1, 'About a minute'],
  [2 * minute, '2 minutes'],
  [45 * minute, '45 minutes'],
  [hour - 1, '59 minutes'],
  [hour, 'About an hour'],
  [1.5 * hour - 1, 'About an hour'],
  [1.5 * hour, '2 hours'],
  [47 * hour, '47 hours'],
  [2 * day, '2 days'],
  [14 * day - hour, '13 days'],
  [14 * day, '2 weeks'],
  [60 * day - hour, '8 weeks'],
  [60 * day, '2 months'],
  [730 * day, '2 years'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(BigInt(seconds))).toBe(text)
})

describe('the status', () => {
  it('says how long a container has been up', () => {
    expect(statusText(viewOf({}), now)).toBe('Up 30 seconds')
    expect(statusText(viewOf({ status: 'paused' }), now)).toBe('Up 30 seconds (Paused)')
  })

  it('says with which code it ended and when', () => {
    const view = viewOf({ status: 'exited', state: { exitCode: 137 } })
    expect(statusText(view, now)).toBe('Exited (137) 20 seconds ago')
  })

  it('of one that never ran is Created, also after a start that failed', () => {
    expect(statusText(viewOf({ status: 'created', state: { exitCode: 127 } }), now)).toBe('Created')
  })

  it('does not go below zero when the clock was set back', () => {
    expect(statusText(viewOf({}), '2026-11-24T11:00:00Z')).toBe('Up Less than a second')
  })
})
