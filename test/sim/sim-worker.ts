/** A thread that runs one simulation after another: every so many-th seed, for as long as it lives. */
import { parentPort, workerData } from 'node:worker_threads'
import { type RunOptions, run } from './run.ts'

export interface WorkerData extends RunOptions {
  /** From one seed to the next. */
  readonly stride: number
  readonly runs: number
}

const { store, seed, steps, stride, runs } = workerData as WorkerData
// Thousands of errors are made and thrown away, each with a stack that nobody reads.
Error.stackTraceLimit = 3
for (let index = 0; index < runs; index += 1)
  parentPort?.postMessage(await run({ store, steps, seed: seed + index * stride }))
