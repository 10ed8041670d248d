import { describe, expect, it } from 'vitest'
import { engineOf, engineWith, serverFor } from './parts.ts'

describe('JSON answers have exactly the type that the docker CLI looks for', () => {
  it.each([
    ['a value', '/images/json', 200],
    ['an error of a route', '/containers/zz/json', 404],
    ['an unknown path', '/nowhere', 404],
    ['a version that is too new', '/v9.99/info', 400],
  ])('%s', async (_name, url, status) => {
    const answer = await serverFor(engineWith([])).inject(url)
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([status, 'application/json'])
  })

  it('and other types keep their charset', async () => {
    const answer = await serverFor(engineOf({})).inject('/_ping')
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8')
  })
})
