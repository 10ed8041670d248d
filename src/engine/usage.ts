/** What containers use: read once, or each second for those that somebody follows, one reading for all who follow the same one. */
import { setImmediate as turn } from 'node:timers/promises'
import { TallyError } from '../errors.ts'
import type { ProcessorTime } from '../kernel/processor-time.ts'
import type { Supervisor, TaskStats } from '../supervisor/port.ts'
import type { Timers } from '../timers.ts'
import type { Lifecycle } from './lifecycle.ts'

/** What a container has used, and what the machine's processors had spent at that time. */
export interface Usage extends TaskStats {
  readonly processors: ProcessorTime
}

export interface UsagePorts {
  readonly supervisor: Pick<Supervisor, 'stats'>
  readonly processorTime: () => ProcessorTime
  readonly timers: Timers
  readonly report: (message: string, fields: object) => void
}

/** Undefined: it does not run. */
type Take = (usage: Usage | undefined) => void

const milliseconds = 1_000

export class UsageWatch {
  readonly #ports: UsagePorts
  readonly #followed = new Map<string, Set<Take>>()
  #busy = false
  #rouse = (): void => undefined

  constructor(ports: UsagePorts) {
    this.#ports = ports
  }

  /** The processors' time is taken right after the container's, so that both mean the same moment. @returns undefined: it does not run. */
  async read(id: string): Promise<Usage | undefined> {
    const { supervisor, processorTime } = this.#ports
    try {
      const stats = await supervisor.stats(id)
      return { ...stats, processors: processorTime() }
    } catch (error) {
      if (error instanceof TallyError && error.code === 'not-found') return undefined
      throw error
    }
  }

  /** Each reading from now on until `signal` aborts. Who takes them slower than they come gets the newest and misses those before. */
  async *follow(id: string, signal: AbortSignal): AsyncGenerator<Usage | undefined> {
    const newest: (Usage | undefined)[] = []
    let wake = Promise.withResolvers<void>()
    const end = (): void => wake.resolve()
    const leave = this.#join(id, (usage) => {
      newest[0] = usage
      wake.resolve()
    })
    signal.addEventListener('abort', end)
    try {
      while (!signal.aborted) {
        yield* newest.splice(0)
        await wake.promise
        wake = Promise.withResolvers()
      }
    } finally {
      signal.removeEventListener('abort', end)
      leave()
    }
  }

  #join(id: string, take: Take): () => void {
    const takers = this.#followed.get(id) ?? new Set()
    this.#followed.set(id, takers.add(take))
    if (!this.#busy) void this.#rounds()
    return () => {
      takers.delete(take)
      if (takers.size === 0) this.#followed.delete(id)
      if (this.#followed.size === 0) this.#rouse()
    }
  }

  /** One container after the other, so that others are served meanwhile, with those that come meanwhile; as long as any is followed. */
  async #rounds(): Promise<void> {
    this.#busy = true
    while (this.#followed.size > 0) {
      for (const [id, takers] of this.#followed) {
        await this.#publish(id, takers)
        await turn()
      }
      if (this.#followed.size > 0) await this.#pause()
    }
    this.#busy = false
  }

  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#ports.timers.after(milliseconds, resolve)
    this.#rouse = () => {
      cancel()
      resolve()
    }
    return promise
  }

  async #publish(id: string, takers: ReadonlySet<Take>): Promise<void> {
    try {
      const usage = await this.read(id)
      for (const take of takers) take(usage)
    } catch (err) {
      this.#ports.report('usage not read', { container: id, err })
    }
  }
}

/** Until the container is removed, too. */
export async function* followUsage(
  watch: UsageWatch,
  lifecycle: Lifecycle,
  signal: AbortSignal,
): AsyncGenerator<Usage | undefined> {
  const ended = new AbortController()
  const either = AbortSignal.any([signal, ended.signal])
  lifecycle
    .until((life) => (life.matches('removed') ? true : undefined), either)
    .then(
      () => ended.abort(),
      () => undefined,
    )
  try {
    yield* watch.follow(lifecycle.life.context.id, either)
  } finally {
    ended.abort()
  }
}
