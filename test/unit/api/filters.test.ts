import { describe, expect, test as it } from 'vitest'
import { matchesExactly, matchesPairs, matchesPattern, parseFilters } from '../../../src/api/filters.ts'

const accepted = ['name', 'label']
const parse = (value: unknown) => parseFilters(JSON.stringify(value), accepted)

describe('filters', () => {
  it('come as maps from the docker CLI and as lists from the other clients', () => {
    expect(parse({ name: { a: true, b: true } }).get('name')).toEqual(['a', 'b'])
    expect(parse({ name: ['a', 'b'] }).get('name')).toEqual(['a', 'b'])
  })

  it('that are absent, empty or null filter nothing', () => {
    for (const value of [undefined, '', 'null', '{}']) expect(parseFilters(value, accepted).size).toBe(0)
  })

  it('that nobody knows are refused in Docker’s words', () => {
    expect(() => parse({ foo: ['x'] })).toThrow(
      expect.objectContaining({ code: 'bad-request', message: "Invalid filter 'foo'" }),
    )
  })

  it.each(['{"name"', '[]', '"name"', '{"name":"x"}', '{"name":[1]}', '{"name":{"x":1}}'])(
    'that are malformed (%s) are an internal error, as in Docker 20.10',
    (text) => {
      expect(() => parseFilters(text, accepted)).toThrow(expect.objectContaining({ code: 'internal' }))
    },
  )

  it('match a name by a regular expression, and a broken one only by being equal', () => {
    const filters = parse({ name: ['^we', '[x'] })
    expect(matchesPattern(filters, 'name', 'web')).toBe(true)
    expect(matchesPattern(filters, 'name', '[x')).toBe(true)
    expect(matchesPattern(filters, 'name', 'awe')).toBe(false)
    expect(matchesPattern(parse({}), 'name', 'anything')).toBe(true)
  })

  it('match whole values exactly', () => {
    expect(matchesExactly(parse({ name: ['web'] }), 'name', 'web1')).toBe(false)
    expect(matchesExactly(parse({ name: ['web', 'web1'] }), 'name', 'web1')).toBe(true)
  })

  it('want every label that they name, with its value if they give one', () => {
    const labels = { tier: 'front', blank: '' }
    const matches = (...wanted: string[]) => matchesPairs(parse({ label: wanted }), 'label', labels)
    expect(matches('tier')).toBe(true)
    expect(matches('tier=front', 'blank')).toBe(true)
    expect(matches('tier=front', 'other')).toBe(false)
    expect(matches('tier=')).toBe(false)
    expect(matches('blank=')).toBe(true)
    expect(matches('toString')).toBe(false)
  })
})
