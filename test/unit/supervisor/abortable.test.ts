import { expect, test as it, onTestFinished } from 'vitest'
import { abortable } from '../../../src/supervisor/abortable.ts'
import { turns } from '../engine/turns.ts'

it('What was given up before it began to be waited for may fail without ending the process', async () => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => void unhandled.push(error)
  process.on('unhandledRejection', note)
  onTestFinished(() => void process.off('unhandledRejection', note))
  const { promise, reject } = Promise.withResolvers<never>()
  const given = new Error('no longer wanted')
  await expect(abortable(promise, AbortSignal.abort(given))).rejects.toBe(given)
  reject(new Error('it failed'))
  await turns()
  expect(unhandled).toEqual([])
})
