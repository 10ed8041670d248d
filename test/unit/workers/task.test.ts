import { describe, expect, test as it } from 'vitest'
import type { ContainerSpec } from '../../../machines/spec.ts'
import type { Supervisor, TaskSpec } from '../../../src/supervisor/port.ts'
import { awaitPidWorker, startProcessWorker, startShimWorker, stdioOf } from '../../../src/workers/task.ts'
import { aSpec } from '../../fixtures/spec.ts'
import { World } from '../engine/world.ts'

const never = new AbortController().signal
const roots = { dataRoot: '/data', execRoot: '/run' }
const jobOf = (spec: ContainerSpec) => ({ id: 'c1', name: 'web', spec, runId: 'r1' })

/** A supervisor in a world where the bundle is ready, which keeps what it is told to start. */
function world() {
  const place = new World()
  place.mounts.add('c1')
  place.bundles.add('c1')
  const real = place.supervisor(never)
  const told: TaskSpec[] = []
  const supervisor: Supervisor = {
    ...real,
    startShim(spec) {
      told.push(spec)
      return real.startShim(spec)
    },
  }
  const order: string[] = []
  const options = {
    roots,
    supervisor,
    bootId: 'boot-1',
    runtimePath: (name: string) => `/usr/bin/${name}`,
    feedStreams: () => undefined,
    openStreams: () => void order.push(`open with ${place.tasks.size} tasks`),
    closeStreams: () => void order.push(`close with ${place.tasks.size} tasks`),
  }
  return { place, told, order, options }
}

const startedWith = async (spec: ContainerSpec): Promise<TaskSpec | undefined> => {
  const { options, told } = world()
  await startShimWorker(options).perform(jobOf(spec), never)
  return told[0]
}

describe('Starting the shim', () => {
  it('names the bundle, the pipes, the log and the runtime', async () => {
    expect(await startedWith(aSpec())).toEqual({
      id: 'c1',
      runId: 'r1',
      bundle: '/run/libcontainerd/c1',
      stdio: {
        stdout: '/run/libcontainerd/c1/init-stdout',
        stderr: '/run/libcontainerd/c1/init-stderr',
      },
      terminal: false,
      log: { driver: 'json-file', path: '/data/containers/c1/c1-json.log', maxSize: 0, maxFile: 1 },
      runtime: '/usr/bin/runc',
    })
  })

  it('rotates the log as its options say', async () => {
    const Config = { 'max-size': '10m', 'max-file': '3' }
    const task = await startedWith(aSpec({ hostConfig: { LogConfig: { Type: 'json-file', Config } } }))
    expect(task?.log).toMatchObject({ maxSize: 10_000_000, maxFile: 3 })
  })

  it('keeps no log if none is wanted', async () => {
    const task = await startedWith(aSpec({ hostConfig: { LogConfig: { Type: 'none', Config: {} } } }))
    expect(task?.log).toBeNull()
  })

  it('opens the streams first, so that who attached already misses nothing, and closes them last', async () => {
    const { options, order } = world()
    const worker = startShimWorker(options)
    await worker.perform(jobOf(aSpec()), never)
    await worker.undo(jobOf(aSpec()))
    expect(order).toEqual(['open with 0 tasks', 'close with 0 tasks'])
  })

  it('answers the same when it is done again, and is undone by ending the task', async () => {
    const { options, place } = world()
    const worker = startShimWorker(options)
    const first = await worker.perform(jobOf(aSpec()), never)
    expect(await worker.perform(jobOf(aSpec()), never)).toEqual(first)
    await worker.undo(jobOf(aSpec()))
    await worker.undo(jobOf(aSpec()))
    expect(place.tasks.size).toBe(0)
  })
})

it('The pid and the start of the process are told as facts of the run', async () => {
  const { options } = world()
  const job = jobOf(aSpec())
  await startShimWorker(options).perform(job, never)
  const pid = { pid: expect.any(Number), startTicks: expect.any(String) }
  expect(await awaitPidWorker(options).perform(job, never)).toEqual([
    { type: 'PidRecorded', runId: 'r1', ...pid },
  ])
  expect(await startProcessWorker(options).perform(job, never)).toEqual([
    { type: 'ProcessStarted', runId: 'r1', startedAt: expect.any(String), bootId: 'boot-1' },
  ])
})

describe('The pipes', () => {
  it('have no stderr with a terminal, and stdin only if it is open', () => {
    const stdio = (config: Partial<ContainerSpec['config']>) => stdioOf('/b', aSpec({ config }))
    expect(stdio({ Tty: true })).toEqual({ stdout: '/b/init-stdout' })
    expect(stdio({ OpenStdin: true, Tty: true })).toEqual({
      stdin: '/b/init-stdin',
      stdout: '/b/init-stdout',
    })
  })
})
