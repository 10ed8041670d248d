/** One row of the matrix: a point and what goes wrong there, on a daemon that is kept from row to row. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Daemon } from '../e2e/daemon.ts'
import { holdings } from '../e2e/load.ts'
import { Drive } from './drive.ts'
import { violations } from './invariants.ts'
import type { Point } from './point.ts'
import { reached, type Stage, scenarios, untilReached } from './scenarios.ts'
import { killVictim, type Victim } from './victims.ts'

export type FaultName = 'kill' | 'error' | 'delay' | Victim

export interface Row {
  readonly point: Point
  readonly fault: FaultName
  readonly twoProcesses: boolean
}

export type Result =
  | { readonly kind: 'passed' }
  | { readonly kind: 'not applicable'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reasons: readonly string[] }

export const rowName = ({ point, fault, twoProcesses }: Row): string =>
  `${point.name}:${fault}${twoProcesses ? ':two-processes' : ''}`

/** How long a point is held while somebody is killed, ms. */
const holdMilliseconds = 1500
/** How long what is asynchronous may take to become true, ms. */
const patience = 30_000
/** A daemon that is started again on a loaded machine may take all that time. */
const leastLooks = 50

/** @param delay of the fault `delay`, ms. */
export async function runRow(daemon: Daemon, row: Row, delay: number): Promise<Result> {
  const log = logOf(daemon)
  const ask = (fault: string): void => writeFileSync(askedOf(daemon), fault)
  const arm = (): void => ask(`${row.point.name}:1:${actionOf(row.fault, delay)}`)
  ask('')
  rmSync(log, { force: true })
  await ready(daemon, row.twoProcesses)
  const before = holdings(daemon)
  const codesMayBeLost = losesCodes(row)
  const found: string[] = []
  using drive = new Drive(daemon, {
    twoProcesses: row.twoProcesses,
    disarm: () => ask(''),
    after: async () => {
      if (reached(log).length > 0) found.push(...(await lasting(drive, { before, codesMayBeLost })))
    },
  })
  const over = new AbortController()
  const victim = strikeVictim(daemon, row.fault, log, over.signal)
  if (row.point.scenario !== 'takeover') arm()
  const struck = (): Promise<unknown> => untilReached(log, AbortSignal.timeout(3_000))
  await playOut({ drive, arm, struck, environment: environmentOf(daemon) }, row.point)
  over.abort()
  found.push(...(await lasting(drive, { before, codesMayBeLost })))
  // It lives in another world since.
  if (row.point.scenario === 'reboot') await daemon.end()
  if (reached(log).length === 0) return { kind: 'failed', reasons: ['the point was never reached', ...found] }
  if (found.length > 0) return { kind: 'failed', reasons: [...new Set(found)] }
  if (!(await victim)) return { kind: 'not applicable', reason: `no ${row.fault} is there then` }
  return { kind: 'passed' }
}

/** Whether the shim, who alone learns the exit code, may be gone before it has told it. */
function losesCodes({ point: { name, scenario }, fault }: Row): boolean {
  if (fault === 'shim' || fault === 'runc' || scenario === 'lost shim') return true
  return name.startsWith('shim.') && (fault === 'kill' || fault === 'error')
}

function actionOf(fault: FaultName, delay: number): string {
  if (fault === 'kill' || fault === 'error') return fault
  return `delay=${fault === 'delay' ? delay : holdMilliseconds}`
}

const logOf = ({ root }: Daemon): string => join(root, 'faults')
/** What stands in this file goes wrong: so a daemon need not be started anew for every row. */
const askedOf = ({ root }: Daemon): string => join(root, 'fault')

const environmentOf = (daemon: Daemon): Readonly<Record<string, string>> => ({
  TALLY_FAULT: `@${askedOf(daemon)}`,
  TALLY_FAULT_LOG: logOf(daemon),
})

/** Has a daemon that can be asked for faults, with its supervisor where it is wanted. */
async function ready(daemon: Daemon, twoProcesses: boolean): Promise<void> {
  if (hears(daemon.pid) && hears(daemon.supervisorPid) === twoProcesses) return
  await daemon.end('SIGKILL')
  await daemon.endSupervisor('SIGKILL')
  daemon.change({ environment: environmentOf(daemon), twoProcesses, wrapper: [] })
  await daemon.launch()
}

function hears(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').includes('TALLY_FAULT=@')
  } catch {
    return false
  }
}

/** @returns whether there was somebody to kill; true if nobody is to be. */
async function strikeVictim(
  daemon: Daemon,
  fault: FaultName,
  log: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (fault === 'kill' || fault === 'error' || fault === 'delay') return true
  if (!(await untilReached(log, signal))) return false
  return fault === 'runc' ? killRuntime(daemon, signal) : killVictim(daemon, fault)
}

/** How long a run of the runtime is waited for, ms, and how long apart it is looked for: it lasts some 40 ms. */
const runtimePatience = 5_000
const runtimePause = 10

/** The runtime that runs while the point is held, or else the first one after it, when it has just begun. */
async function killRuntime(daemon: Daemon, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + runtimePatience
  while (!signal.aborted && performance.now() < end) {
    if (killVictim(daemon, 'runc')) return true
    await sleep(runtimePause)
  }
  return false
}

/** The scenario, and then the end of the container. */
async function playOut(stage: Stage, point: Point): Promise<void> {
  const { drive } = stage
  await scenarios[point.scenario](stage)
  for (let attempt = 0; attempt < 5; attempt += 1) {
    if ((await drive.life()).matches('removed')) return
    await drive.step('remove', '?force=1')
    if (await drive.until((life) => life.matches('removed'), 3_000)) return
  }
}

/** What does not hold, and goes on not to. */
async function lasting(
  drive: Drive,
  expectation: Parameters<typeof violations>[1],
): Promise<readonly string[]> {
  const end = performance.now() + patience
  for (let look = 1; ; look += 1) {
    const found = await violations(drive, expectation)
    if (found.length === 0 || (look > leastLooks && performance.now() > end)) return found
    await sleep(100)
  }
}
