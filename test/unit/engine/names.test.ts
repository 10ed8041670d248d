import { describe, expect, test as it } from 'vitest'
import { checkName, makeName } from '../../../src/engine/names.ts'
import { systemRandom } from '../../../src/random.ts'
import { NameTakenError } from '../../../src/store/errors.ts'

describe('A name', () => {
  it.each(['web', '/web', 'a1', '0_.-', 'Web.2'])('may be %s', (name) => {
    expect(checkName(name)).toBe(name.replace('/', ''))
  })

  it.each(['', 'a', '_web', '-web', 'we b', '//web', 'we/b', 'web\n', 'wéb'])('may not be %j', (name) => {
    expect(() => checkName(name)).toThrow(
      expect.objectContaining({
        code: 'bad-request',
        message: `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      }),
    )
  })

  it('that is taken is refused in Docker’s words', () => {
    expect(new NameTakenError('web', 'abc')).toMatchObject({
      code: 'conflict',
      message:
        'Conflict. The container name "/web" is already in use by container "abc". You have to remove (or rename) that container to be able to reuse that name.',
    })
  })
})

describe('A made-up name', () => {
  it('is a valid one of two words', () => {
    const name = makeName(systemRandom, () => false)
    expect(name).toMatch(/^[a-z]+_[a-z]+$/)
    expect(checkName(name)).toBe(name)
  })

  it('gets a number when the plain ones are taken', () => {
    const name = makeName(systemRandom, (candidate) => /^[a-z]+_[a-z]+$/.test(candidate))
    expect(name).toMatch(/^[a-z]+_[a-z]+\d+$/)
  })
})
