import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fullPath, layerPath, meaningOf } from '../../../src/images/layer-path.ts'
import { TarError } from '../../../src/images/tar-header.ts'

const segment = fc.constantFrom(
  '',
  '.',
  '..',
  'a',
  'b',
  '.wh.',
  '.wh.a',
  '.wh..',
  '.wh...',
  '.wh..wh..opq',
  '.wh..wh.plnk',
)
const names = fc.array(segment, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('/'))

describe('a path in a layer', () => {
  it('never has a part that leads elsewhere, or is refused', () => {
    fc.assert(
      fc.property(names, (name) => {
        const parts = partsOf(name)
        expect(parts.every((part) => !['', '.', '..'].includes(part))).toBe(true)
      }),
    )
  })

  it('is refused exactly if it would go above the root at some point', () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(isRefused(() => layerPath(name))).toBe(goesAbove(name))
      }),
    )
  })

  it.each([
    ['./', { kind: 'root' }],
    ['/', { kind: 'root' }],
    ['/etc/passwd', { kind: 'plain', path: { directory: 'etc', name: 'passwd' } }],
    ['a/.wh.b', { kind: 'whiteout', path: { directory: 'a', name: 'b' } }],
    ['a/.wh..wh..opq', { kind: 'opaque', directory: 'a' }],
    ['.wh..wh..opq', { kind: 'opaque', directory: '' }],
    ['.wh..wh.plnk/1.2', { kind: 'ignored' }],
    ['.wh..wh.aufs', { kind: 'ignored' }],
  ])('%s means %j', (name, meaning) => {
    expect(meaningOf(name)).toEqual(meaning)
  })

  it.each(['a/.wh.', 'a/.wh..', 'a/.wh...', '../a', 'a/../../b'])('%s is refused', (name) => {
    expect(() => meaningOf(name)).toThrow('is outside of the layer')
  })
})

/** Of the path that a name means; none if it means no path or is refused. */
function partsOf(name: string): readonly string[] {
  if (isRefused(() => meaningOf(name))) return []
  const meaning = meaningOf(name)
  return 'path' in meaning ? fullPath(meaning.path).split('/') : []
}

function goesAbove(name: string): boolean {
  let depth = 0
  let lowest = 0
  for (const part of name.split('/').filter((each) => each !== '' && each !== '.')) {
    depth += part === '..' ? -1 : 1
    lowest = Math.min(lowest, depth)
  }
  return lowest < 0
}

function isRefused(action: () => unknown): boolean {
  try {
    action()
    return false
  } catch (error) {
    if (error instanceof TarError) return true
    throw error
  }
}
