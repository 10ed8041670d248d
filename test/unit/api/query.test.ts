import { expect, test as it } from 'vitest'
import { flag, integer, text } from '../../../src/api/query.ts'

it.each(['1', 'true', 'True', 't', 'yes', 'anything', ['1', '0']])('%j is true', (value) => {
  expect(flag(value)).toBe(true)
})

it.each([undefined, '', '0', 'no', 'false', 'False', 'none', ' ', ['0', '1']])('%j is false', (value) => {
  expect(flag(value)).toBe(false)
})

it('numbers may be absent, empty or negative, but not words', () => {
  expect([undefined, '', '-1', '10'].map((value) => integer('t', value))).toEqual([
    undefined,
    undefined,
    -1,
    10,
  ])
  expect(() => integer('t', '1s')).toThrow('invalid value for t: "1s" is not a number')
})

it('of a repeated parameter the first counts', () => {
  expect(text(['a', 'b'])).toBe('a')
})
