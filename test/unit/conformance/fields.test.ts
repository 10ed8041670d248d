/** What compares two daemons' answers has to see every difference, and every rule that is not needed. */
import { describe, expect, it } from 'vitest'
import { fieldDifferences } from '../../conformance/fields/field-difference.ts'
import { judge } from '../../conformance/fields/rule.ts'

describe('comparing answers', () => {
  it('finds nothing in answers that are the same, whatever the order of their fields', () => {
    expect(fieldDifferences({ a: [1, { b: null }], c: 'x' }, { c: 'x', a: [1, { b: null }] }, 'it')).toEqual(
      [],
    )
  })

  it('tells what is missing, too much, of another type and of another value', () => {
    const docker = { kept: 1, missing: 2, list: [], text: 'a', deep: [{ x: 1 }] }
    const ours = { kept: 1, extra: 2, list: null, text: 'b', deep: [{ x: '1' }] }
    expect(fieldDifferences(docker, ours, 'it').map(({ path, kind }) => `${path} ${kind}`)).toEqual([
      'it.missing missing',
      'it.list type',
      'it.text value',
      'it.deep.0.x type',
      'it.extra extra',
    ])
  })

  it('takes an empty list and an empty map for different things', () => {
    expect(fieldDifferences({ a: [] }, { a: {} }, 'it')).toMatchObject([{ path: 'it.a', kind: 'type' }])
  })
})

describe('rules about differences', () => {
  const difference = { path: 'inspect a.Mounts.0.Mode', kind: 'value' } as const
  const rule = (path: string) => ({ path, kinds: ['value'], why: 'so' }) as const

  it('let through what they name, in one part of a path or in many', () => {
    for (const path of ['inspect *.Mounts.*.Mode', 'inspect a.**', '**.Mode'])
      expect(judge([difference], [rule(path)])).toEqual({ unexpected: [], unused: [] })
  })

  it('let nothing else through, and are told when nothing needs them', () => {
    for (const path of [
      'inspect *',
      'inspect a.Mounts.Mode',
      'inspect.*.Mounts.0.Mode',
      'inspect a.Mounts.0.Mod.',
    ])
      expect(judge([difference], [rule(path)])).toEqual({ unexpected: [difference], unused: [rule(path)] })
  })

  it('are about a kind of difference', () => {
    const missing = { ...difference, kind: 'missing' } as const
    expect(judge([missing], [rule('**')]).unexpected).toEqual([missing])
  })
})
