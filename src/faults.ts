/**
 * Fault points: named places before and after everything that changes the world or the log, where a test can make things go wrong.
 * Without TALLY_FAULT a point costs one call. The names are `<what>.<which>.before` and `.after`; test/faults/points.ts lists them. The
 * file that TALLY_FAULT_LOG names is told which process reached the point: `<point> <pid>`. src/shim/fault.h is the same for the shim.
 */
import { appendFileSync, readFileSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { TallyError } from './errors.ts'

export interface Faults {
  /** The point of something that waits anyway. @throws TallyError internal for the action `error`. */
  reach(point: string): Promise<void>
  /** The point of something synchronous: a delay holds the whole process. @throws TallyError internal for the action `error`. */
  reachNow(point: string): void
}

export const noFaults: Faults = { reach: async () => undefined, reachNow: () => undefined }

type Action =
  | { readonly kind: 'kill' }
  | { readonly kind: 'error' }
  | { readonly kind: 'delay'; readonly milliseconds: number }

export interface Fault {
  readonly point: string
  /** At which reaching of the point it happens, from 1. */
  readonly nth: number
  readonly action: Action
}

const defaultDelay = 5_000

/** Reads `point:nth:action`; action is `kill`, `error`, `delay` (5 s) or `delay=<milliseconds>`. @throws TallyError bad-request. */
export function parseFault(text: string): Fault {
  const [, point, nth, word, delay] = /^([\w.-]+):(\d+):(kill|error|delay)(?:=(\d+))?$/.exec(text) ?? []
  if (point === undefined || (word !== 'delay' && delay !== undefined))
    throw new TallyError('bad-request', `TALLY_FAULT has to be point:nth:kill|error|delay[=ms], not ${text}`)
  return { point, nth: Number(nth), action: actionOf(word, delay) }
}

function actionOf(word: string | undefined, delay: string | undefined): Action {
  if (word === 'delay') return { kind: 'delay', milliseconds: Number(delay ?? defaultDelay) }
  return { kind: word === 'kill' ? 'kill' : 'error' }
}

/** @param say told when the point is reached, before the fault happens. */
export function faultsFrom(fault: Fault, say: (point: string) => void): Faults {
  let left = fault.nth
  const isDue = (point: string): boolean => {
    if (point !== fault.point) return false
    left -= 1
    if (left !== 0) return false
    say(point)
    return true
  }
  return {
    async reach(point) {
      if (!isDue(point)) return
      if (fault.action.kind === 'delay') await sleep(fault.action.milliseconds)
      strike(fault)
    },
    reachNow(point) {
      if (!isDue(point)) return
      if (fault.action.kind === 'delay')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, fault.action.milliseconds)
      strike(fault)
    },
  }
}

function strike({ point, action }: Fault): void {
  if (action.kind === 'kill') process.kill(process.pid, 'SIGKILL')
  if (action.kind === 'error') throw new TallyError('internal', `fault injected at ${point}`)
}

/** What TALLY_FAULT asks for; `@` and a path: what stands in that file when a point is reached. @throws TallyError bad-request. */
export function faultsOfEnvironment(say: (point: string) => void): Faults {
  const { TALLY_FAULT = '', TALLY_FAULT_LOG = '' } = process.env
  if (TALLY_FAULT === '') return noFaults
  const tell = (point: string): void => {
    say(point)
    if (TALLY_FAULT_LOG !== '') appendFileSync(TALLY_FAULT_LOG, `${point} ${process.pid}\n`)
  }
  if (TALLY_FAULT.startsWith('@')) return faultsOfFile(TALLY_FAULT.slice(1), tell)
  return faultsFrom(parseFault(TALLY_FAULT), tell)
}

/** So that another fault, or the same again, can be asked of a process that runs: whenever the file is written. An empty file asks for none. */
function faultsOfFile(path: string, say: (point: string) => void): Faults {
  let asked = ''
  let faults = noFaults
  const current = (): Faults => {
    const text = readFileSync(path, 'utf8')
    const asking = `${statSync(path, { bigint: true }).mtimeNs} ${text}`
    if (asking !== asked) faults = text === '' ? noFaults : faultsFrom(parseFault(text), say)
    asked = asking
    return faults
  }
  return { reach: (point) => current().reach(point), reachNow: (point) => current().reachNow(point) }
}

/** Does something that waits anyway, between its two points. */
export async function betweenPoints<T>(faults: Faults, name: string, work: () => T | Promise<T>): Promise<T> {
  await faults.reach(`${name}.before`)
  const result = await work()
  await faults.reach(`${name}.after`)
  return result
}
