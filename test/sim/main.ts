/**
 * Runs simulations and reports: `npm run test:sim -- --seed 1 --steps 1000 --runs 100`. Run number n has seed + n; a seed that fails is printed with
 * the shortest list of steps that fails as well, and fails again whenever it is run. `--replay <file>` runs a list of steps, one a line.
 */
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { media, play, type Report } from './run.ts'
import type { WorkerData } from './sim-worker.ts'
import type { Step } from './steps.ts'
import { Sum } from './sum.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    steps: { type: 'string', default: '1000' },
    runs: { type: 'string', default: '20' },
    /** Ends when so many were seen, however many runs were asked for. */
    lifecycles: { type: 'string', default: 'Infinity' },
    threads: { type: 'string', default: String(cpus().length) },
    store: { type: 'string', default: 'memory' },
    replay: { type: 'string' },
  },
})
const store = (Object.keys(media) as (keyof typeof media)[]).find((name) => name === values.store)
if (store === undefined) throw new Error(`--store has to be one of ${Object.keys(media).join(', ')}`)

/** Runs after which it says how far it has come. */
const often = 200

/** @returns whether everything held. */
async function replay(store: keyof typeof media, file: string): Promise<boolean> {
  const lines = readFileSync(file, 'utf8').split('\n')
  const steps = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Step)
  const { failure } = await play(steps, { store, seed: Number(values.seed) })
  console.log(failure === undefined ? 'everything held' : failure)
  return failure === undefined
}

async function runAll(store: keyof typeof media): Promise<boolean> {
  const runs = values.lifecycles === 'Infinity' ? Number(values.runs) : Number.POSITIVE_INFINITY
  const threads = Math.min(Number(values.threads), runs)
  const seed = Number(values.seed)
  console.log(`seeds from ${seed}, ${values.steps} steps each, ${threads} threads, ${store} store`)
  const sum = new Sum()
  const workers = Array.from({ length: threads }, (_, index) => {
    const own = Math.ceil((runs - index) / threads)
    return startWorker({ store, seed: seed + index, steps: Number(values.steps), stride: threads, runs: own })
  })
  const take = (report: Report): void => {
    sum.add(report)
    if (report.failure !== undefined) tell(report)
    if (sum.runs % often === 0) console.log(sum.line())
    if (sum.lifecycles >= Number(values.lifecycles)) for (const worker of workers) void worker.terminate()
  }
  const ended = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)))
  for (const worker of workers) worker.on('message', take)
  await Promise.all(ended)
  console.log(`${sum.line()}\nfaults: ${sum.faults()}`)
  return sum.failures === 0
}

const startWorker = (workerData: WorkerData): Worker =>
  new Worker(new URL('./sim-worker.ts', import.meta.url), {
    workerData,
    // What a run remembers lives as long as the run: in a small nursery it would be moved twice for nothing.
    resourceLimits: { maxYoungGenerationSizeMb: 192 },
  })

function tell({ seed, failure }: Report): void {
  console.log(`seed ${seed} failed: ${failure?.message}`)
  console.log(`again: npm run test:sim -- --seed ${seed} --steps ${values.steps} --runs 1`)
  console.log('The shortest list of steps that fails in the same way, for --replay with the same seed:')
  for (const step of failure?.shortest ?? []) console.log(JSON.stringify(step))
}

process.exitCode = (await (values.replay === undefined ? runAll(store) : replay(store, values.replay)))
  ? 0
  : 1
