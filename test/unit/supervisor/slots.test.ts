import { expect, test as it } from 'vitest'
import { slots } from '../../../src/supervisor/slots.ts'

const never = new AbortController().signal

/** Who has a slot, in the order in which they got it. */
function queue(count: number) {
  const { take } = slots(count)
  const got: string[] = []
  const giveBack: Record<string, () => void> = {}
  const enter = async (name: string, signal = never): Promise<void> => {
    giveBack[name] = await take(signal)
    got.push(name)
  }
  return { got, enter, leave: (name: string) => giveBack[name]?.(), settle: () => new Promise(setImmediate) }
}

it('no more than the count are in, and the others come in the order in which they asked', async () => {
  const { got, enter, leave, settle } = queue(2)
  const all = ['a', 'b', 'c', 'd', 'e'].map((name) => enter(name))
  await settle()
  expect(got).toEqual(['a', 'b'])
  leave('b')
  await settle()
  expect(got).toEqual(['a', 'b', 'c'])
  leave('a')
  leave('c')
  await Promise.all(all)
  expect(got).toEqual(['a', 'b', 'c', 'd', 'e'])
})

it('one who comes when a slot was just given back does not overtake those who wait', async () => {
  const { got, enter, leave } = queue(1)
  await enter('a')
  const waiting = enter('b')
  leave('a')
  const late = enter('c')
  await waiting
  leave('b')
  await late
  expect(got).toEqual(['a', 'b', 'c'])
})

it('one who gives up leaves the queue at once and takes nobody’s slot', async () => {
  const { got, enter, leave, settle } = queue(1)
  const gone = new AbortController()
  await enter('a')
  const second = enter('b', gone.signal)
  const third = enter('c')
  gone.abort(new Error('deleted'))
  await expect(second).rejects.toThrow('deleted')
  leave('a')
  await third
  expect(got).toEqual(['a', 'c'])
  leave('c')
  await settle()
  await enter('d')
})

it('who aborts when it has its slot keeps it until it gives it back', async () => {
  const { got, enter, leave, settle } = queue(1)
  const late = new AbortController()
  await enter('a', late.signal)
  late.abort()
  const waiting = enter('b')
  await settle()
  expect(got).toEqual(['a'])
  leave('a')
  await waiting
})

it('a slot that is given back twice is one slot', async () => {
  const { got, enter, leave, settle } = queue(1)
  await enter('a')
  leave('a')
  leave('a')
  void enter('b')
  void enter('c')
  await settle()
  expect(got).toEqual(['a', 'b'])
})

it('one who has given up already gets none', async () => {
  const { enter } = queue(1)
  await expect(enter('a', AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late')
  await enter('b')
})
