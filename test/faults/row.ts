/** One row of the matrix: a point and what goes wrong there, on a daemon that is kept from row to row. */
import { rmSync } from 'node:fs'
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

/** @param delay of the fault `delay`, ms. */
export async function runRow(daemon: Daemon, row: Row, delay: number): Promise<Result> {
  const log = join(daemon.root, 'faults')
  rmSync(log, { force: true })
  const fault = {
    TALLY_FAULT: `${row.point.name}:1:${actionOf(row.fault, delay)}`,
    TALLY_FAULT_LOG: log,
  }
  const environment = row.point.scenario === 'takeover' ? {} : fault
  await restart(daemon, row.twoProcesses, environment)
  const before = holdings(daemon)
  const codesMayBeLost = losesCodes(row)
  const found: string[] = []
  using drive = new Drive(daemon, {
    twoProcesses: row.twoProcesses,
    after: async () => {
      if (reached(log).length > 0) found.push(...(await lasting(drive, { before, codesMayBeLost })))
    },
  })
  const over = new AbortController()
  const victim = strikeVictim(daemon, row.fault, log, over.signal)
  await playOut({ drive, environment: fault }, row.point)
  over.abort()
  found.push(...(await lasting(drive, { before, codesMayBeLost })))
  if (reached(log).length === 0) return { kind: 'failed', reasons: ['the point was never reached'] }
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

async function restart(
  daemon: Daemon,
  twoProcesses: boolean,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  await daemon.end()
  await daemon.endSupervisor()
  daemon.change({ environment, twoProcesses, wrapper: [] })
  await daemon.launch()
}

/** @returns whether there was somebody to kill; true if nobody is to be. */
async function strikeVictim(
  daemon: Daemon,
  fault: FaultName,
  log: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (fault === 'kill' || fault === 'error' || fault === 'delay') return true
  return (await untilReached(log, signal)) && killVictim(daemon, fault)
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
  for (;;) {
    const found = await violations(drive, expectation)
    if (found.length === 0 || performance.now() > end) return found
    await sleep(100)
  }
}
