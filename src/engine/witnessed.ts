/** What the world did by itself, in order, until the log has taken it: a full disk may hold it up but must not lose it. */
import type { ContainerEvent } from '../../machines/container-events.ts'
import { retryDelay } from './retry-delay.ts'

export interface WitnessPorts {
  /** Throws when the log can't take it now. */
  record(event: ContainerEvent): void
  sleep(delay: number, wake: () => void): () => void
  report(message: string, fields: object): void
  /** Told each time that it is in vain. */
  refused(error: unknown): void
}

export class Witnessed {
  readonly #ports: WitnessPorts
  readonly #waiting: (() => ContainerEvent)[] = []
  #cancel = (): void => undefined

  constructor(ports: WitnessPorts) {
    this.#ports = ports
  }

  /** @param makeEvent called each time it is tried, so that deadlines in it count from then. */
  add(makeEvent: () => ContainerEvent): void {
    this.#waiting.push(makeEvent)
    if (this.#waiting.length === 1) this.#recordAll(1)
  }

  /** Records what waits, so that what came later is recorded after it. @throws what the log says that can't take it. */
  flush(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      this.#ports.record(next())
      this.#waiting.shift()
    }
  }

  /** Tries no more. */
  stop(): void {
    this.#cancel()
  }

  #recordAll(attempt: number): void {
    try {
      this.flush()
    } catch (err) {
      this.#ports.report('event not recorded', { err })
      this.#ports.refused(err)
      this.#cancel = this.#ports.sleep(retryDelay(attempt), () => this.#recordAll(attempt + 1))
    }
  }
}
