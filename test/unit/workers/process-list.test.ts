import { expect, test as it, onTestFinished } from 'vitest'
import { listProcesses } from '../../../src/workers/process-list.ts'

it('ps tells of the processes that it is asked for', async () => {
  const output = await listProcesses(['-o', 'pid'], [process.pid])
  expect(output.split('\n').map((line) => line.trim())).toEqual(['PID', String(process.pid), ''])
})

it('ps tells of all where an option does not go together with certain ones', async () => {
  expect((await listProcesses(['axf'], [process.pid])).split('\n').length).toBeGreaterThan(3)
})

it('what ps does not take comes back in its words', async () => {
  const message = /^ps: error: unknown gnu long option/
  await expect(listProcesses(['--nonsense'], [process.pid])).rejects.toThrow(message)
})

it('a host without ps is told so', async () => {
  const { PATH } = process.env
  process.env.PATH = '/nowhere'
  onTestFinished(() => {
    process.env.PATH = PATH
  })
  const message = 'ps: the host has no ps: install procps'
  await expect(listProcesses(['-ef'], [1])).rejects.toMatchObject({ code: 'internal', message })
})
