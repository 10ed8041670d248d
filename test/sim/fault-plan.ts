/** What will go wrong next, and how often what has: a fault is armed by a step and strikes at the next call that it fits. */
import { TallyError } from '../../src/errors.ts'
import type { Faults } from '../../src/faults.ts'

/** Of the world's answers to a call. */
export const mishaps = ['fail', 'lose', 'repeat', 'late'] as const
export type Mishap = (typeof mishaps)[number]

export const calls = [
  ...(['makeLayers', 'removeLayers', 'mountRootfs', 'unmount', 'prepareBundle', 'dropBundle'] as const),
  ...([
    'startShim',
    'startExec',
    'awaitPid',
    'startProcess',
    'kill',
    'pause',
    'resume',
    'delete',
    'wait',
    'remove',
  ] as const),
  'applyLimits',
] as const
export type Call = (typeof calls)[number]

export const tidings = ['lose', 'repeat', 'late'] as const

export type PlannedFault =
  | { readonly of: 'call'; readonly call: Call; readonly mishap: Mishap }
  /** Of what tasks do by themselves, on its way to the engine. */
  | { readonly of: 'tiding'; readonly mishap: (typeof tidings)[number] }
  | { readonly of: 'point'; readonly point: string; readonly action: 'kill' | 'error' | 'delay' }

/** The daemon was killed where this is thrown: nothing that it does from now on counts. */
export class Killed extends Error {}

export class FaultPlan {
  readonly counts = new Map<string, number>()
  #armed: PlannedFault[] = []

  arm(fault: PlannedFault): void {
    this.#armed.push(fault)
  }

  clear(): void {
    this.#armed = []
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  ofCall(call: Call): Mishap | undefined {
    const fault = this.#take((armed) => armed.of === 'call' && armed.call === call)
    if (fault?.of !== 'call') return undefined
    this.count(`${fault.mishap} ${call}`)
    return fault.mishap
  }

  ofTiding(): Mishap | undefined {
    const fault = this.#take(({ of }) => of === 'tiding')
    if (fault?.of !== 'tiding') return undefined
    this.count(`${fault.mishap} tiding`)
    return fault.mishap
  }

  /** @param kill ends the daemon. */
  points(kill: () => void, sleep: (milliseconds: number) => Promise<void>): Faults {
    const due = (point: string): 'kill' | 'error' | 'delay' | undefined => {
      const fault = this.#take((armed) => armed.of === 'point' && armed.point === point)
      if (fault?.of !== 'point') return undefined
      this.count(`${fault.action} at a point`)
      if (fault.action === 'kill') kill()
      return fault.action
    }
    return {
      async reach(point) {
        const action = due(point)
        if (action === 'delay') await sleep(5000)
        strike(point, action)
      },
      reachNow: (point) => strike(point, due(point)),
    }
  }

  #take(fits: (fault: PlannedFault) => boolean): PlannedFault | undefined {
    if (this.#armed.length === 0) return undefined
    const index = this.#armed.findIndex(fits)
    return index < 0 ? undefined : this.#armed.splice(index, 1)[0]
  }
}

function strike(point: string, action: 'kill' | 'error' | 'delay' | undefined): void {
  if (action === 'kill') throw new Killed(point)
  if (action === 'error') throw new TallyError('internal', `fault injected at ${point}`)
}
