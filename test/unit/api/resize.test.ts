import { describe, expect, test as it } from 'vitest'
import type { Size } from '../../../src/supervisor/port.ts'
import { engineOf, serverFor } from './parts.ts'

async function resized(query: string): Promise<Size | readonly [number, string]> {
  const sizes: Size[] = []
  const resize = async (_ref: string, size: Size) => void sizes.push(size)
  const url = `/v1.41/containers/one/resize${query}`
  const reply = await serverFor(engineOf({ resize })).inject({ method: 'POST', url })
  const [size] = sizes
  if (size === undefined) return [reply.statusCode, reply.json().message]
  expect([reply.statusCode, reply.body]).toEqual([200, ''])
  return size
}

describe('Resizing a terminal', () => {
  it.each([
    ['?h=24&w=80', { width: 80, height: 24 }],
    ['?h=0&w=0', { width: 0, height: 0 }],
    ['?w=%2B5&h=1', { width: 5, height: 1 }],
    ['?h=70000&w=-1', { width: 65535, height: 4464 }],
  ])('takes %s', async (query, size) => {
    expect(await resized(query)).toEqual(size)
  })

  it.each([
    ['', 'strconv.Atoi: parsing "": invalid syntax'],
    ['?h=10', 'strconv.Atoi: parsing "": invalid syntax'],
    ['?h=x&w=1', 'strconv.Atoi: parsing "x": invalid syntax'],
    ['?h=1&w=99999999999999999999', 'strconv.Atoi: parsing "99999999999999999999": value out of range'],
  ])('refuses %s', async (query, message) => {
    expect(await resized(query)).toEqual([400, message])
  })
})
