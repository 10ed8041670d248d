/** What may happen in a simulation, and the making of long lists of it from a seed. */
import type { HostConfig } from '../../machines/spec.ts'
import type { WaitCondition } from '../../src/engine/port.ts'
import { type Chance, chanceFrom } from './chance.ts'
import { calls, mishaps, type PlannedFault, tidings } from './fault-plan.ts'
import type { SimulatedProgram } from './program.ts'

/** One member for each word, so that they can be told apart. */
type Of<What extends string, Facts> = What extends string ? { readonly what: What } & Facts : never
type Named<Facts = unknown> = { readonly name: string } & Facts

export interface Creation {
  readonly program: SimulatedProgram
  readonly autoRemove: boolean
  readonly restart: HostConfig['RestartPolicy']
}

export type Question =
  | Of<'create', Named<Creation>>
  | Of<'start' | 'restart' | 'attach' | 'pause' | 'unpause', Named>
  | Of<
      'update',
      Named<{ readonly update: Pick<HostConfig, 'RestartPolicy'> | Pick<HostConfig, 'CpuShares'> }>
    >
  | Of<'stop', Named<{ readonly timeoutSeconds: number }>>
  | Of<'kill', Named<{ readonly signal: string }>>
  | Of<'rename', Named<{ readonly to: string }>>
  | Of<'remove', Named<{ readonly force: boolean }>>
  | Of<'exec', Named<{ readonly program: SimulatedProgram }>>
  | Of<'wait', Named<{ readonly condition: WaitCondition }>>

/** What happens to a container by itself: its program ends, memory is short, its shim is killed, somebody pauses or resumes it. */
export type Accident = Of<'end' | 'oom' | 'nudge' | 'lose-shim' | 'freeze' | 'thaw', Named>

/** The daemon goes, and is back after so many milliseconds; with its supervisor, in order, or with the power. */
export type Fall =
  | Of<'crash' | 'crash-both' | 'shutdown', { readonly away: number }>
  | Of<'reboot', { readonly away: number; readonly keep: number }>

export type Happening =
  | Question
  | Accident
  | Fall
  /** Create and start, as `docker run` does. */
  | Of<'run', Named<Creation>>
  | Of<'kill-supervisor' | 'fill-disk' | 'free-disk' | 'calm', unknown>
  | Of<'set-clock', { readonly by: number }>

export type Step = Happening & {
  /** Milliseconds that pass before. */
  readonly after: number
  /** Of all chance until the next step, so that steps can be left out without changing the others. */
  readonly seed: number
  readonly fault?: PlannedFault
}

const kinds = [
  ...(['mountRootfs', 'prepareBundle', 'startShim', 'awaitPid', 'startProcess'] as const),
  ...(['watchProcess', 'pause', 'resume', 'applyLimits', 'sendSignal', 'release', 'remove'] as const),
  ...(['startExec', 'watchExec', 'releaseExec'] as const),
] as const
const facts = [
  ...(['ContainerCreated', 'ContainerRenamed', 'StartRequested', 'RootfsMounted', 'BundlePrepared'] as const),
  ...(['ShimStarted', 'PidRecorded', 'ProcessStarted', 'StepFailed', 'StopRequested', 'Removed'] as const),
  ...(['StopDeadlinePassed', 'KillDeadlinePassed', 'KillRequested', 'RestartRequested'] as const),
  ...([
    'SignalSent',
    'SignalFailed',
    ...(['PauseRequested', 'Paused', 'PauseFailed', 'ResumeRequested', 'Resumed', 'ResumeFailed'] as const),
    ...(['RestartDue', 'UpdateRequested', 'LimitsApplied', 'LimitsRefused'] as const),
    'OomKilled',
    'ProcessExited',
    'HostRebooted',
  ] as const),
  ...(['Released', 'RemoveRequested', 'Attached'] as const),
  ...(['ExecCreated', 'ExecStartRequested', 'ExecStarted', 'ExecExited', 'ExecFailed'] as const),
  'ExecReleased' as const,
] as const
const undone = ['startProcess', 'awaitPid', 'startShim', 'prepareBundle', 'mountRootfs'] as const

/** How often each kind of step comes, of the sum of all. Most containers come and go by themselves, as with `docker run --rm`. */
const weights: Readonly<Record<Happening['what'], number>> = {
  ...{ run: 560, create: 20, start: 60, stop: 60, restart: 30, kill: 40, rename: 15, remove: 70 },
  ...{
    pause: 20,
    unpause: 20,
    update: 20,
    wait: 20,
    attach: 20,
    exec: 80,
    end: 30,
    oom: 15,
    nudge: 15,
    'lose-shim': 10,
    freeze: 20,
    thaw: 20,
  },
  ...{ crash: 8, 'crash-both': 4, shutdown: 2, reboot: 4, 'kill-supervisor': 5, calm: 2 },
  ...{ 'fill-disk': 2, 'free-disk': 80, 'set-clock': 2 },
}

const deck = Object.entries(weights).flatMap(([what, weight]) =>
  Array.from({ length: weight }, () => what as Happening['what']),
) as [Happening['what'], ...Happening['what'][]]

export function makeSteps(seed: number, count: number): readonly Step[] {
  const chance = chanceFrom(seed)
  const names = new Names(chance)
  return Array.from({ length: count }, () => makeStep(chance, names))
}

/** Names to be given and names that were: what is asked for or happens is mostly about a container that is there. None can be read as the beginning of an id. */
class Names {
  readonly #chance: Chance
  readonly #lasting: string[] = []
  #count = 0

  constructor(chance: Chance) {
    this.#chance = chance
  }

  /** @param lasts the container stays until it is removed. */
  next(lasts: boolean): string {
    if (this.#chance.oneIn(16)) return this.given()
    this.#count += 1
    const name = `web-${this.#count}`
    if (lasts) this.#lasting.push(name)
    return name
  }

  given(): string {
    if (this.#lasting.length === 0 || this.#chance.oneIn(4))
      return `web-${this.#count - this.#chance.below(4)}`
    return this.#lasting[this.#chance.below(this.#lasting.length)] ?? ''
  }

  removed(name: string): void {
    const index = this.#lasting.indexOf(name)
    if (index >= 0 && this.#lasting.length > 2) this.#lasting.splice(index, 1)
  }
}

function makeStep(chance: Chance, names: Names): Step {
  const after = chance.pick([0, 0, 0, 1, 1, 3, 10, 10, 30, 100, 300])
  const fault = chance.oneIn(6) ? makeFault(chance) : undefined
  const happening = makeHappening(chance, names, chance.pick(deck))
  return { ...happening, after, seed: chance.below(2 ** 32), ...(fault && { fault }) }
}

function makeHappening(chance: Chance, names: Names, what: Happening['what']): Happening {
  switch (what) {
    case 'create':
    case 'run': {
      const autoRemove = what === 'run' ? !chance.oneIn(20) : chance.oneIn(4)
      const restart = autoRemove ? policies[0] : chance.pick(policies)
      return {
        what,
        name: names.next(!autoRemove),
        program: makeProgram(chance, what === 'run'),
        autoRemove,
        restart,
      }
    }
    case 'crash':
    case 'crash-both':
    case 'shutdown':
      return { what, away: chance.pick([0, 1, 10, 100, 1000]) }
    case 'reboot':
      return { what, away: chance.pick([1, 100, 1000]), keep: chance.next() }
    case 'set-clock':
      return { what, by: chance.pick([-3_600_000, -5000, -1, 5000, 3_600_000]) }
    case 'kill-supervisor':
    case 'fill-disk':
    case 'free-disk':
    case 'calm':
      return { what }
    default:
      return aboutOne(chance, names, what)
  }
}

type AboutOne = Exclude<Question | Accident, { readonly what: 'create' }>

function aboutOne(chance: Chance, names: Names, what: AboutOne['what']): AboutOne {
  const name = names.given()
  switch (what) {
    case 'stop':
      return { what, name, timeoutSeconds: chance.pick([0, 0, 1, 10, -1]) }
    case 'kill':
      return { what, name, signal: chance.pick(['KILL', 'KILL', 'TERM', 'HUP', 'USR1', '']) }
    case 'rename':
      return { what, name, to: names.next(true) }
    case 'remove':
      names.removed(name)
      return { what, name, force: chance.oneIn(2) }
    case 'exec':
      return { what, name, program: makeProgram(chance, true) }
    case 'update':
      return { what, name, update: makeUpdate(chance) }
    case 'wait':
      return { what, name, condition: chance.pick(['not-running', 'next-exit', 'removed']) }
    default:
      return { what, name }
  }
}

const policy = (Name: string, MaximumRetryCount = 0): HostConfig['RestartPolicy'] => ({
  Name,
  MaximumRetryCount,
})
const policies = [
  policy('no'),
  policy('always'),
  policy('unless-stopped'),
  policy('on-failure'),
  policy('on-failure', 2),
] as const

const makeUpdate = (chance: Chance) =>
  chance.oneIn(2) ? { RestartPolicy: chance.pick(policies) } : { CpuShares: 2 + chance.below(1000) }

function makeProgram(chance: Chance, ends: boolean): SimulatedProgram {
  const lasts = chance.pick(ends ? [0, 1, 5, 20, 100, 1000] : [0, 20, 1000, 60_000, undefined])
  return {
    ...(lasts === undefined ? {} : { lasts }),
    ...(chance.oneIn(8) ? { endsWith: chance.below(256) } : {}),
    ...{ exitCode: chance.below(256), oom: chance.oneIn(10) },
    survives: chance.pick([[1], [1, 15], [1, 10, 15], []]),
  }
}

function makeFault(chance: Chance): PlannedFault {
  const of = chance.pick(['call', 'call', 'call', 'tiding', 'point', 'point'] as const)
  if (of === 'call') return { of, call: chance.pick(calls), mishap: chance.pick(mishaps) }
  if (of === 'tiding') return { of, mishap: chance.pick(tidings) }
  const [point, actions] = makePoint(chance)
  return { of: 'point', point, action: chance.pick(actions) }
}

type Actions = readonly ['kill' | 'error' | 'delay', ...('kill' | 'error' | 'delay')[]]

/** Appending can't be held up: it is synchronous. */
function makePoint(chance: Chance): readonly [string, Actions] {
  const when = chance.pick(['before', 'after'] as const)
  const waiting: Actions = ['kill', 'error', 'error', 'delay']
  switch (chance.pick(['append', 'append', 'perform', 'undo', 'create'] as const)) {
    case 'append':
      return [`append.${chance.pick(facts)}.${when}`, ['kill', 'error', 'error']]
    case 'perform':
      return [`perform.${chance.pick(kinds)}.${when}`, waiting]
    case 'undo':
      return [`undo.${chance.pick(undone)}.${when}`, waiting]
    case 'create':
      return [`create.makeLayers.${when}`, waiting]
  }
}
