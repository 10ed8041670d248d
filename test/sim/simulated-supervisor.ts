/**
 * A supervisor of the simulation, and a daemon's connection to it: it does one thing after another for each container as the real one does, goes on when the
 * daemon dies, and when it dies itself the connection asks its successor again.
 */

import { serial } from '../../src/serial.ts'
import type { ProcessRef, Supervisor } from '../../src/supervisor/port.ts'
import { never, type World } from '../unit/engine/world.ts'
import type { Call } from './fault-plan.ts'

export interface SimulatedSupervisor {
  readonly port: Supervisor
  readonly gone: AbortSignal
  /** Rejects when it dies. */
  readonly dies: Promise<never>
  die(): void
}

export function startSupervisor(world: World): SimulatedSupervisor {
  const gone = new AbortController()
  const { promise: dies, reject } = Promise.withResolvers<never>()
  dies.catch(() => undefined)
  const die = (): void => {
    gone.abort()
    reject(supervisorDied)
  }
  return { port: inOrder(world.supervisor(gone.signal)), gone: gone.signal, dies, die }
}

const supervisorDied = new Error('the supervisor died')

function inOrder(supervisor: Supervisor): Supervisor {
  const one = serial()
  return {
    ...supervisor,
    startShim: (spec) => one(spec.id, () => supervisor.startShim(spec)),
    startExec: (spec) => one(spec.id, () => supervisor.startExec(spec)),
    startProcess: (id) => one(id, () => supervisor.startProcess(id)),
    kill: (of, signal) => one(idOf(of), () => supervisor.kill(of, signal)),
    pause: (id) => one(id, () => supervisor.pause(id)),
    resume: (id) => one(id, () => supervisor.resume(id)),
    delete: (of) => one(idOf(of), () => supervisor.delete(of)),
  }
}

const idOf = (of: ProcessRef): string => (typeof of === 'string' ? of : of.id)

export interface ConnectionOptions {
  readonly current: () => SimulatedSupervisor
  /** Of the daemon whose connection it is. */
  readonly gone: AbortSignal
  readonly answer: <T>(call: Call, work: () => Promise<T>) => Promise<T>
  readonly pause: () => Promise<void>
}

export function connect({ current, gone, answer, pause }: ConnectionOptions): Supervisor {
  async function ask<T>(call: (port: Supervisor) => Promise<T>): Promise<T> {
    for (;;) {
      const { port, dies } = current()
      try {
        return await Promise.race([call(port), dies])
      } catch (error) {
        if (error !== supervisorDied) throw error
        await pause()
        if (gone.aborted) return never()
      }
    }
  }
  const via = <T>(name: Call, call: (port: Supervisor) => Promise<T>): Promise<T> =>
    answer(name, () => ask(call))
  return {
    ...current().port,
    startShim: (spec) => via('startShim', (port) => port.startShim(spec)),
    startExec: (spec) => via('startExec', (port) => port.startExec(spec)),
    tasks: () => ask((port) => port.tasks()),
    execs: (id) => ask((port) => port.execs(id)),
    awaitPid: (of) => via('awaitPid', (port) => port.awaitPid(of)),
    startProcess: (id) => via('startProcess', (port) => port.startProcess(id)),
    kill: (of, signal) => via('kill', (port) => port.kill(of, signal)),
    pause: (id) => via('pause', (port) => port.pause(id)),
    resume: (id) => via('resume', (port) => port.resume(id)),
    delete: (of) => via('delete', (port) => port.delete(of)),
    wait: (of, signal) =>
      via('wait', async (port) => {
        const exit = await port.wait(of, signal)
        await pause()
        return exit
      }),
    async *events(signal) {
      while (!signal.aborted && !gone.aborted) {
        const { port, gone: supervisorGone } = current()
        yield* port.events(AbortSignal.any([signal, gone, supervisorGone]))
      }
    },
  }
}
