/**
 * `npm run test:faults`: the whole matrix of fault points and faults, or a part of it, on real daemons with real containers.
 * `--row NAME` runs one row, `--only PATTERN` those whose name matches, `--part I/N` every Nth; `--list` only names them.
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
    process.stdout.write(`    log: ${keepLog(daemon, row)}\n`)
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

/** Where the daemon's log of a row that failed can be read afterwards. */
function keepLog(daemon: Daemon, row: Row): string {
  const directory = join(import.meta.dirname, '../../build/faults')
  const path = join(directory, `${rowName(row)}.log`)
  mkdirSync(directory, { recursive: true })
  writeFileSync(path, daemon.log())
  return path
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

const rows = chosen()
if (rows.length === 0) throw new Error('there is no such row; --list names them all')
if (values.list) process.stdout.write(`${rows.map(rowName).join('\n')}\n`)
else {
  const begun = performance.now()
  const count: Count = { run: 0, passed: 0, notApplicable: 0, failed: [] }
  const daemons = Math.min(Number(values.daemons), rows.length)
  await Promise.all(Array.from({ length: daemons }, () => work(rows, count)))
  const { run, passed, notApplicable, failed } = count
  const seconds = Math.round((performance.now() - begun) / 1000)
  process.stdout.write(
    `${run} run, ${passed} passed, ${notApplicable} not applicable, ${failed.length} failed in ${seconds} s\n`,
  )
  process.exitCode = failed.length === 0 ? 0 : 1
}
