import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TallyError } from '../../../src/errors.ts'
import {
  familiar,
  isIdPrefix,
  parseAny,
  parseName,
  shortId,
  tagged,
  withTag,
} from '../../../src/images/reference.ts'

const hex = 'a'.repeat(64)

function outcome(action: () => unknown): unknown {
  try {
    action()
    return 'accepted'
  } catch (error) {
    return error instanceof TallyError ? error.code : error
  }
}

describe('names of images', () => {
  it.each([
    ['busybox', 'docker.io', 'library/busybox', 'busybox:latest'],
    ['docker.io/library/busybox:1', 'docker.io', 'library/busybox', 'busybox:1'],
    ['index.docker.io/busybox', 'docker.io', 'library/busybox', 'busybox:latest'],
    ['me/app', 'docker.io', 'me/app', 'me/app:latest'],
    ['localhost/app', 'localhost', 'app', 'localhost/app:latest'],
    ['localhost:5000/a/b:v1.0', 'localhost:5000', 'a/b', 'localhost:5000/a/b:v1.0'],
    ['[::1]:5000/a', '[::1]:5000', 'a', '[::1]:5000/a:latest'],
    ['Registry/a', 'Registry', 'a', 'Registry/a:latest'],
    ['a__b/c-d.e', 'docker.io', 'a__b/c-d.e', 'a__b/c-d.e:latest'],
  ])('%s is read as Docker reads it', (text, domain, path, shown) => {
    const name = parseName(text)
    expect(name).toMatchObject({ domain, path })
    expect(familiar(tagged(name))).toBe(shown)
  })

  it('keep a digest and then need no tag', () => {
    const name = tagged(parseName(`busybox@sha256:${hex}`))
    expect(familiar(name)).toBe(`busybox@sha256:${hex}`)
  })

  it.each([
    ['BUSY', 'invalid reference format: repository name must be lowercase'],
    ['a:b:c', 'invalid reference format'],
    ['', 'invalid reference format'],
    ['a//b', 'invalid reference format'],
    ['-a', 'invalid reference format'],
    ['a/../b', 'invalid reference format'],
    [`a:${'t'.repeat(129)}`, 'invalid reference format'],
    [hex, `invalid repository name (${hex}), cannot specify 64-byte hexadecimal strings`],
    ['a'.repeat(260), 'repository name must not be more than 255 characters'],
  ])('%j is refused with Docker words', (text, message) => {
    expect(() => parseName(text)).toThrow(expect.objectContaining({ code: 'bad-request', message }))
  })

  it('that are shown are read as the same name again', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?$/)
    const tag = fc.option(fc.stringMatching(/^\w[\w.-]{0,10}$/), { nil: undefined })
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), tag, (parts, suffix) => {
        const name = parseName(suffix === undefined ? parts.join('/') : `${parts.join('/')}:${suffix}`)
        expect(parseName(familiar(name))).toEqual(name)
      }),
    )
  })

  it('never make the parser fail in another way than a refusal', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        expect(['accepted', 'bad-request']).toContain(outcome(() => parseName(text)))
      }),
    )
  })
})

describe('a tag given apart', () => {
  it('replaces the one in the name', () => {
    expect(familiar(withTag('busybox:1', '2'))).toBe('busybox:2')
  })

  it('is refused with Docker words', () => {
    expect(() => withTag('busybox', 'a b')).toThrow('invalid tag format')
  })
})

describe('ids', () => {
  it.each([hex, `sha256:${hex}`])('%s is an id, not a name', (text) => {
    expect(parseAny(text)).toEqual({ kind: 'id', id: `sha256:${hex}` })
  })

  it('are shortened to twelve digits', () => {
    expect(shortId(`sha256:${hex}`)).toBe('a'.repeat(12))
  })

  it.each([
    ['aaa', true],
    ['sha256:aaa', true],
    ['sha256', true],
    ['aab', false],
  ])('begin with %s: %s', (text, answer) => {
    expect(isIdPrefix(`sha256:${hex}`, text)).toBe(answer)
  })
})
