import { randomUUID } from 'node:crypto'
import { afterEach, expect, test as it } from 'vitest'
import { startTicks } from '../../../src/kernel/process-identity.ts'
import { reap, spawnDetached } from '../../../src/kernel/spawn.ts'
import { findProcesses } from '../../../src/supervisor/process-search.ts'

const started: number[] = []

afterEach(async () => {
  for (const pid of started) process.kill(pid, 'SIGKILL')
  await Promise.all(started.splice(0).map(reap))
})

/** A process that has `word` on its command line. It stops itself and never forks: a child would have the same line until it execs. */
async function start(word: string) {
  const words = ['sh', '-c', 'kill -STOP $$', word]
  const pid = await spawnDetached({ words, environment: { PATH: '/usr/bin:/bin' } })
  started.push(pid)
  return { pid, startTicks: startTicks(pid) }
}

const naming = (word: string) => findProcesses((words) => words.includes(word))

it('finds every process with a whole word of the command line, and no other', async () => {
  const word = randomUUID()
  const both = [await start(word), await start(word)]
  await start(`${word}x`)
  const found = await naming(word)
  expect(found.toSorted((a, b) => a.pid - b.pid)).toEqual(both.toSorted((a, b) => a.pid - b.pid))
})

it('finds nothing where there is nothing', async () => {
  expect(await naming(randomUUID())).toEqual([])
})

it('does not find a process that has ended and is not yet waited for', async () => {
  const word = randomUUID()
  const { pid } = await start(word)
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => naming(word)).toEqual([])
})

it('finds what has come after an earlier search began', async () => {
  const words = [randomUUID(), randomUUID()]
  const early = naming(words[0] ?? '')
  const late = await start(words[1] ?? '')
  expect(await naming(words[1] ?? '')).toEqual([late])
  expect(await early).toEqual([])
})

it('answers many who ask at once, each with what it asked for', async () => {
  const words = Array.from({ length: 8 }, () => randomUUID())
  const all = await Promise.all(words.map(start))
  expect(await Promise.all(words.map(naming))).toEqual(all.map((one) => [one]))
})
