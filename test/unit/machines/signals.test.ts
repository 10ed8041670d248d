import fc from 'fast-check'
import { describe, expect, test as it } from 'vitest'
import { parseSignal, signalName } from '../../../machines/signals.ts'

describe('A signal', () => {
  it.each([
    ['SIGTERM', 15],
    ['TERM', 15],
    ['term', 15],
    ['sigkill', 9],
    ['15', 15],
    ['1', 1],
    ['64', 64],
    ['USR1', 10],
    ['SIGSYS', 31],
    ['IOT', 6],
    ['CLD', 17],
    ['POLL', 29],
    ['RTMIN', 34],
    ['SIGRTMIN+3', 37],
    ['rtmax-1', 63],
    ['RTMAX', 64],
  ])('%s is number %i', (text, number) => {
    expect(parseSignal(text)).toBe(number)
  })

  it.each([
    '',
    '0',
    '65',
    '-1',
    '1.5',
    'SIG',
    'SIGSIGTERM',
    'NOPE',
    'RTMIN+31',
    'RTMAX-31',
    'RTMIN-1',
    'constructor',
  ])('is not %j', (text) => expect(parseSignal(text)).toBeUndefined())

  it('keeps its number when it is named and read again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), (number) => {
        expect(parseSignal(signalName(number))).toBe(number)
      }),
    )
  })

  it('without a name is called by its number', () => {
    expect([signalName(15), signalName(34)]).toEqual(['SIGTERM', '34'])
  })
})
