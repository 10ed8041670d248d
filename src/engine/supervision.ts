/** What tasks do by themselves or at another client's wish, told to their containers as long as the engine runs. */
import type { Supervisor } from '../supervisor/port.ts'
import type { Timers } from '../timers.ts'
import { sinceThen } from './recovery.ts'
import type { Registry } from './registry.ts'
import { retryDelay } from './retry-delay.ts'

export interface SupervisionPorts {
  readonly supervisor: Supervisor
  readonly registry: Registry
  readonly timers: Timers
  readonly report: (message: string, fields: object) => void
}

interface Extent {
  /** What is heard before is told after it. */
  readonly recovered: Promise<void>
  readonly signal: AbortSignal
}

/** Listens from this call on. Events that end are asked for again, and what was missed meanwhile is made up for. */
export async function followTasks(ports: SupervisionPorts, { recovered, signal }: Extent): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    try {
      await followOnce(ports, { recovered, signal, again: attempt > 1 })
    } catch (err) {
      if (!signal.aborted) ports.report('supervisor events ended', { err })
    }
    await pause(ports.timers, retryDelay(attempt), signal)
  }
}

const types = { oom: 'OomKilled', paused: 'Paused', resumed: 'Resumed' } as const

/** Listens before it looks, so that nothing falls between. */
async function followOnce(
  { supervisor, registry }: SupervisionPorts,
  { recovered, signal, again }: Extent & { readonly again: boolean },
): Promise<void> {
  const done = new AbortController()
  try {
    const events = supervisor.events(AbortSignal.any([signal, done.signal]))
    if (again) await tellWhatIs(supervisor, registry)
    for await (const { type, id, runId } of events) {
      await recovered
      registry.get(id)?.witness(() => ({ type: types[type], runId }))
    }
  } finally {
    done.abort()
  }
}

async function tellWhatIs(supervisor: Supervisor, registry: Registry): Promise<void> {
  for (const task of await supervisor.tasks()) {
    const lifecycle = registry.get(task.id)
    if (lifecycle === undefined) continue
    for (const event of sinceThen(lifecycle, task)) lifecycle.witness(() => event)
  }
}

function pause(timers: Timers, delay: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = timers.after(delay, end)
    signal.addEventListener('abort', end)
  })
}
