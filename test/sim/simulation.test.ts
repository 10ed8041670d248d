import { describe, expect, test as it } from 'vitest'
import { type Report, run } from './run.ts'
import { shrink } from './shrink.ts'

const steps = 300
/** Milliseconds after which no further seed is begun. */
const enough = 15_000

const ofToday = Number(new Date().toISOString().slice(0, 10).replaceAll('-', ''))

function told({ seed, failure }: Report): string | undefined {
  if (failure === undefined) return undefined
  const list = failure.shortest.map((step) => JSON.stringify(step)).join('\n')
  return `npm run test:sim -- --seed ${seed} --steps ${steps} --runs 1\n${failure.message}\n${list}`
}

describe('Whatever is asked for, happens and goes wrong, the log, the API and the machine agree', () => {
  it.each([ofToday, 1, 2, 3])(
    'from seed %i',
    async (first) => {
      const end = performance.now() + enough / 4
      for (let seed = first; seed === first || performance.now() < end; seed += 1000)
        expect(told(await run({ store: 'memory', seed, steps }))).toBeUndefined()
    },
    120_000,
  )

  it('on the real store', async () => {
    const report = await run({ store: 'sqlite', seed: ofToday, steps: 150 })
    expect(told(report)).toBeUndefined()
    expect(report.lifecycles).toBeGreaterThan(0)
  }, 120_000)
})

it('The same seed takes the same course', async () => {
  const [first, second] = [
    await run({ store: 'memory', seed: 7, steps }),
    await run({ store: 'memory', seed: 7, steps }),
  ]
  expect(second).toEqual(first)
})

it('What fails is shrunk to the steps that it takes', async () => {
  const list = Array.from({ length: 100 }, (_, index) => index)
  const fails = async (some: readonly number[]): Promise<boolean> => some.includes(17) && some.includes(71)
  expect(await shrink(list, fails)).toEqual([17, 71])
})
