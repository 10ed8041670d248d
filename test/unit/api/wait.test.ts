/** Wait over a real socket: what counts is when the head is sent. */
import { once } from 'node:events'
import { expect, test as it } from 'vitest'
import type { WaitCondition, WaitResult } from '../../../src/engine/port.ts'
import { engineOf, serverFor } from './parts.ts'
import { listen } from './raw-client.ts'

function waitable() {
  const { promise: result, resolve, reject } = Promise.withResolvers<WaitResult>()
  const asked = Promise.withResolvers<{ condition: WaitCondition; signal: AbortSignal }>()
  const app = serverFor(
    engineOf({
      async wait(_ref, condition, signal) {
        asked.resolve({ condition, signal })
        return { result }
      },
    }),
  )
  return { app, resolve, reject, asked: asked.promise }
}

const request = (query = '') => [
  `POST /v1.41/containers/one/wait${query} HTTP/1.1`,
  'Host: d',
  'Content-Length: 0',
  '',
  '',
]

it('the head is sent as soon as the wait is registered, the result when it is there', async () => {
  const { app, resolve, asked } = waitable()
  await using server = await listen(app)
  const client = await server.client()
  client.send(...request('?condition=next-exit'))
  const head = await client.sees('\r\n\r\n')
  expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(head).toContain('content-type: application/json\r\n')
  expect(head).toContain('api-version: 1.41\r\n')
  expect(head.endsWith('\r\n\r\n')).toBe(true)
  expect((await asked).condition).toBe('next-exit')
  resolve({ exitCode: 3 })
  expect(await client.sees('\r\n0\r\n\r\n')).toContain('{"StatusCode":3,"Error":null}\n')
})

it('without a condition it waits until the container does not run', async () => {
  const { app, resolve, asked } = waitable()
  resolve({ exitCode: 0 })
  const reply = await app.inject({ method: 'POST', url: '/containers/one/wait?condition=' })
  expect(reply.json()).toEqual({ StatusCode: 0, Error: null })
  expect((await asked).condition).toBe('not-running')
})

it('an unknown condition is refused', async () => {
  const reply = await waitable().app.inject({ method: 'POST', url: '/containers/one/wait?condition=later' })
  expect([reply.statusCode, reply.json()]).toEqual([400, { message: 'invalid condition: "later"' }])
})

it('nobody waits for a client that has gone', async () => {
  const { app, asked } = waitable()
  await using server = await listen(app)
  const client = await server.client()
  client.send(...request())
  const { signal } = await asked
  await client.sees('\r\n\r\n')
  client.socket.destroy()
  if (!signal.aborted) await once(signal, 'abort')
  expect(signal.aborted).toBe(true)
})

it('a wait that breaks cuts the connection rather than telling a made-up code', async () => {
  const { app, reject } = waitable()
  await using server = await listen(app)
  const client = await server.client()
  client.send(...request())
  await client.sees('\r\n\r\n')
  reject(new Error('broken'))
  await client.ended
  expect(client.received).not.toContain('StatusCode')
})
