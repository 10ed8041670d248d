/**
 * `npm run test:faults`: the whole matrix of fault points and faults, or a part of it, on real daemons with real containers.
 * `--row NAME` runs one row, `--only PATTERN` those whose name matches, `--part I/N` every Nth; `--list` only names them. `--minutes M` runs what
 * fits, beginning with other rows each day. SIGINT or SIGTERM lets the rows that run come to their end.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Daemon } from '../e2e/daemon.ts'
import { matrix } from './matrix.ts'
import { type Result, type Row, rowName, runRow } from './row.ts'

const { values } = parseArgs({
  options: {
    row: { type: 'string' },
    only: { type: 'string', default: '' },
    part: { type: 'string', default: '1/1' },
    delay: { type: 'string', default: '5000' },
    daemons: { type: 'string', default: '3' },
    minutes: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
})

function chosen(): Row[] {
  const [index = 1, count = 1] = values.part.split('/').map(Number)
  return matrix()
    .filter((row) => values.row === undefined || rowName(row) === values.row)
    .filter((row) => new RegExp(values.only).test(rowName(row)))
    .filter((_, position) => position % count === index - 1)
}

const millisecondsOfDay = 86_400_000
/** By how many rows each day begins later; has no divisor in common with their number, so that each row has its turn. */
const stride = 127

function turned<T>(rows: readonly T[]): T[] {
  const start = (Math.floor(Date.now() / millisecondsOfDay) * stride) % rows.length
  return [...rows.slice(start), ...rows.slice(0, start)]
}

interface Count {
  run: number
  passed: number
  notApplicable: number
  readonly failed: string[]
}

/** Takes rows until there are none. Their daemon is replaced after a failure, which may have spoiled it. */
async function work(rows: Row[], count: Count): Promise<void> {
  let daemon = await prepare()
  for (let row = rows.shift(); row !== undefined; row = rows.shift()) {
    const begun = performance.now()
    const result = await attempt(daemon, row)
    tell(row, result, performance.now() - begun, count)
    if (result.kind !== 'failed') continue
    keepLog(daemon, row)
    await giveUp(daemon)
    daemon = await prepare()
  }
  await giveUp(daemon)
}

async function prepare(): Promise<Daemon> {
  const daemon = await new Daemon().start()
  await daemon.importBusybox()
  return daemon
}

async function attempt(daemon: Daemon, row: Row): Promise<Result> {
  try {
    return await runRow(daemon, row, Number(values.delay))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { kind: 'failed', reasons: [reason.slice(0, 500)] }
  }
}

function tell(row: Row, result: Result, milliseconds: number, count: Count): void {
  const details = result.kind === 'failed' ? result.reasons : 'reason' in result ? [result.reason] : []
  const seconds = (milliseconds / 1000).toFixed(1)
  const lines = [`${result.kind}  ${rowName(row)}  ${seconds} s`, ...details.map((text) => `    ${text}`)]
  process.stdout.write(`${lines.join('\n')}\n`)
  count.run += 1
  if (result.kind === 'passed') count.passed += 1
  if (result.kind === 'not applicable') count.notApplicable += 1
  if (result.kind === 'failed') count.failed.push(rowName(row))
}

/** Keeps the daemon's log of a row that failed, and says where. */
function keepLog(daemon: Daemon, row: Row): void {
  const directory = join(import.meta.dirname, '../../build/faults')
  const path = join(directory, `${rowName(row)}.log`)
  mkdirSync(directory, { recursive: true })
  writeFileSync(path, daemon.log())
  process.stdout.write(`    log: ${path}\n`)
}

/** What a failed row has left must not end the run of the others. */
async function giveUp(daemon: Daemon): Promise<void> {
  try {
    daemon.change({ environment: {} })
    await daemon.end()
    await daemon.launch()
    await daemon.destroy()
  } catch (error) {
    process.stdout.write(`    not all could be given back: ${String(error).slice(0, 500)}\n`)
  }
}

/** Takes what is left away from the workers once the time is over or somebody asks for the end. */
async function runAll(rows: Row[]): Promise<Count> {
  const count: Count = { run: 0, passed: 0, notApplicable: 0, failed: [] }
  const stop = (): void => void rows.splice(0)
  const timer = values.minutes && setTimeout(stop, Number(values.minutes) * 60_000)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  const daemons = Math.min(Number(values.daemons), rows.length)
  await Promise.all(Array.from({ length: daemons }, () => work(rows, count)))
  if (timer) clearTimeout(timer)
  return count
}

const all = chosen()
if (all.length === 0) throw new Error('there is no such row; --list names them all')
if (values.list) process.stdout.write(`${all.map(rowName).join('\n')}\n`)
else {
  const begun = performance.now()
  const { run, passed, notApplicable, failed } = await runAll(values.minutes ? turned(all) : [...all])
  const seconds = Math.round((performance.now() - begun) / 1000)
  process.stdout.write(
    `${run} of ${all.length} run, ${passed} passed, ${notApplicable} not applicable, ${failed.length} failed in ${seconds} s\n`,
  )
  process.exitCode = failed.length === 0 ? 0 : 1
}
