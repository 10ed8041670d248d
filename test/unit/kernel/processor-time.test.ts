import { expect, test as it } from 'vitest'
import { parseProcStat, processorTime } from '../../../src/kernel/processor-time.ts'

const text = `cpu  10 2 30 400 5 6 7 80 9 9
cpu0 5 1 15 200 2 3 3 40 4 4
cpu1 5 1 15 200 3 3 4 40 5 5
intr 33332097 0 0
ctxt 87330457
`

it('what all processors spent is counted without guests and stolen time', () => {
  expect(parseProcStat(text)).toEqual({ total: 460 * 10_000_000, online: 2 })
})

it('this machine has spent some, and never less than before', () => {
  const before = processorTime()
  expect(before.online).toBeGreaterThan(0)
  expect(processorTime().total).toBeGreaterThanOrEqual(before.total)
})
