/** Runs the simulation of a seed, and makes a failing one's list of steps as short as it gets. */
import { memoryMedium } from './medium.ts'
import { shrink } from './shrink.ts'
import { type Outcome, simulate } from './simulation.ts'
import { sqliteMedium } from './sqlite-medium.ts'
import { makeSteps, type Step } from './steps.ts'
import { Violation } from './violation.ts'

export const media = { memory: memoryMedium, sqlite: sqliteMedium } as const

export interface RunOptions {
  readonly store: keyof typeof media
  readonly seed: number
  /** How many are made from the seed. */
  readonly steps: number
}

/** Plain data, for another thread. */
export interface Report {
  readonly seed: number
  readonly lifecycles: number
  readonly events: number
  readonly faults: Readonly<Record<string, number>>
  readonly failure: Failure | undefined
}

export interface Failure {
  readonly message: string
  readonly shortest: readonly Step[]
}

export async function run({ store, seed, steps: count }: RunOptions): Promise<Report> {
  const steps = makeSteps(seed, count)
  const { lifecycles, events, faults, failure } = await play(steps, { store, seed })
  const failed = failure && {
    message: String(failure.error instanceof Error ? failure.error.stack : failure.error),
    shortest: await shorten(steps.slice(0, failure.step + 1), { store, seed }, kindOf(failure.error)),
  }
  return { seed, lifecycles, events, faults: Object.fromEntries(faults), failure: failed }
}

export const play = (steps: readonly Step[], { store, seed }: Omit<RunOptions, 'steps'>): Promise<Outcome> =>
  simulate(steps, { openMedium: media[store], seed })

const shorten = (
  steps: readonly Step[],
  options: Omit<RunOptions, 'steps'>,
  kind: string,
): Promise<readonly Step[]> =>
  shrink(steps, async (list) => {
    const { failure } = await play(list, options)
    return failure !== undefined && kindOf(failure.error) === kind
  })

/** Two failures are the same if the same is broken, of whatever container. */
const kindOf = (error: unknown): string => {
  const text = error instanceof Violation ? `${error.invariant} ${error.message}` : String(error)
  return text.replace(/[0-9a-f]{16,}|web-\d+/g, '').slice(0, 50)
}
