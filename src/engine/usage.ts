/** What containers use: read once, or each second for those that somebody follows, one reading for all who follow the same one. */
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

interface Followed {
  readonly takers: Set<Take>
  newest: { readonly usage: Usage | undefined } | undefined
  /** Ends the pause between two readings. */
  rouse: () => void
}

export class UsageWatch {
  readonly #ports: UsagePorts
  readonly #followed = new Map<string, Followed>()

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

  /** Who comes later is told the newest reading at once: the docker CLI waits two seconds for two of them, and no longer. */
  #join(id: string, take: Take): () => void {
    const followed = this.#followed.get(id) ?? this.#begin(id)
    followed.takers.add(take)
    if (followed.newest !== undefined) take(followed.newest.usage)
    return () => {
      followed.takers.delete(take)
      if (followed.takers.size > 0) return
      if (this.#followed.get(id) === followed) this.#followed.delete(id)
      followed.rouse()
    }
  }

  #begin(id: string): Followed {
    const followed: Followed = { takers: new Set(), newest: undefined, rouse: () => undefined }
    this.#followed.set(id, followed)
    void this.#rounds(id, followed)
    return followed
  }

  async #rounds(id: string, followed: Followed): Promise<void> {
    do {
      await this.#publish(id, followed)
      if (followed.takers.size > 0) await this.#pause(followed)
    } while (followed.takers.size > 0)
  }

  async #publish(id: string, followed: Followed): Promise<void> {
    try {
      const usage = await this.read(id)
      followed.newest = { usage }
      for (const take of followed.takers) take(usage)
    } catch (err) {
      followed.newest = undefined
      this.#ports.report('usage not read', { container: id, err })
    }
  }

  #pause(followed: Followed): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#ports.timers.after(milliseconds, resolve)
    followed.rouse = () => {
      cancel()
      resolve()
    }
    return promise
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
