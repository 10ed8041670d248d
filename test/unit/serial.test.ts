import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test as it } from 'vitest'
import { serial } from '../../src/serial.ts'

it('work for one key is done in the order asked for, also after a failure', async () => {
  const inOrder = serial()
  const done: number[] = []
  const work = (number: number, milliseconds: number) =>
    inOrder('a', async () => {
      await sleep(milliseconds)
      done.push(number)
    })
  const failing = inOrder('a', () => Promise.reject(new Error('no')))
  const all = [work(1, 20), work(2, 0)]
  await expect(failing).rejects.toThrow('no')
  await Promise.all(all)
  expect(done).toEqual([1, 2])
})

it('work for another key does not wait', async () => {
  const inOrder = serial()
  const blocked = Promise.withResolvers<void>()
  const slow = inOrder('a', () => blocked.promise)
  expect(await inOrder('b', async () => 'done')).toBe('done')
  blocked.resolve()
  await slow
})
