/** Adds up what simulations report. */
import type { Report } from './run.ts'

export class Sum {
  lifecycles = 0
  failures = 0
  #runs = 0
  #events = 0
  readonly #faults = new Map<string, number>()
  readonly #began = performance.now()
  readonly #cpu = process.cpuUsage()

  add({ lifecycles, events, faults, failure }: Report): void {
    this.#runs += 1
    this.lifecycles += lifecycles
    this.#events += events
    if (failure !== undefined) this.failures += 1
    for (const [kind, count] of Object.entries(faults))
      this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + count)
  }

  text(): string {
    const seconds = (performance.now() - this.#began) / 1000
    const { user, system } = process.cpuUsage(this.#cpu)
    const busy = (user + system) / 1e6
    const all = [...this.#faults.values()].reduce((sum, count) => sum + count, 0)
    const kinds = [...this.#faults].toSorted().map(([kind, count]) => `${kind} ${count}`)
    return [
      `${this.#runs} runs, ${this.lifecycles} lifecycles, ${this.#events} events, ${all} faults, ${this.failures} runs failed`,
      `${rate(this.lifecycles, seconds)} lifecycles a second in ${seconds.toFixed(0)} s, ${rate(this.lifecycles, busy)} in a second of one processor`,
      `faults: ${kinds.join(', ')}`,
    ].join('\n')
  }
}

const rate = (count: number, seconds: number): string => (count / seconds).toFixed(0)
