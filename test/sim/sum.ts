/** Adds up what simulations report. */
import type { Report } from './run.ts'

export class Sum {
  lifecycles = 0
  failures = 0
  runs = 0
  #events = 0
  readonly #faults = new Map<string, number>()
  readonly #began = performance.now()
  readonly #cpu = process.cpuUsage()

  add({ lifecycles, events, faults, failure }: Report): void {
    this.runs += 1
    this.lifecycles += lifecycles
    this.#events += events
    if (failure !== undefined) this.failures += 1
    for (const [kind, count] of Object.entries(faults))
      this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + count)
  }

  line(): string {
    const seconds = (performance.now() - this.#began) / 1000
    const { user, system } = process.cpuUsage(this.#cpu)
    const speeds = [seconds, (user + system) / 1e6].map((time) => (this.lifecycles / time).toFixed(0))
    const all = [...this.#faults.values()].reduce((sum, count) => sum + count, 0)
    return (
      `${this.runs} runs, ${this.lifecycles} lifecycles, ${this.#events} events, ${all} faults, ${this.failures} runs failed; ` +
      `${speeds[0]} lifecycles a second in ${seconds.toFixed(0)} s, ${speeds[1]} in a second of one processor`
    )
  }

  faults(): string {
    return [...this.#faults]
      .map(([kind, count]) => `${kind} ${count}`)
      .toSorted()
      .join(', ')
  }
}
