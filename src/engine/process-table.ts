/** The output of ps(1) as a table, cut down to the processes of one container. Pure. */
import { TallyError } from '../errors.ts'

export interface ProcessTable {
  readonly titles: readonly string[]
  /** Of each process a value for each title. */
  readonly processes: readonly (readonly string[])[]
}

/** Docker's words for options that give another column the name by which processes are found. @throws TallyError internal, as there */
export function checkPsArgs(args: string): void {
  for (const [, column = '', name = ''] of args.matchAll(/\s+([^\s]*)=\s*(PID[^\s]*)/g))
    if (column !== 'pid') throw new TallyError('internal', `specifying "${column}=${name}" is not allowed`)
}

/** With threads shown, those of a process (pid `-`) follow it. @throws TallyError internal in Docker's words, for output without pids */
export function processTable(output: string, pids: ReadonlySet<number>): ProcessTable {
  const [head = '', ...lines] = output.split('\n')
  const titles = fields(head)
  const column = titles.indexOf('PID')
  if (column < 0) throw new TallyError('internal', "Couldn't find PID field in ps output")
  const processes: (readonly string[])[] = []
  let isOurs = false
  for (const line of lines.filter((each) => each !== '')) {
    const values = fields(line)
    const pid = values[column] ?? ''
    if (pid !== '-') isOurs = pids.has(number(pid))
    if (isOurs) processes.push(row(values, titles.length))
  }
  return { titles, processes }
}

/** The last column takes what is left of the line: a command line has blanks. */
const row = (values: readonly string[], count: number): readonly string[] => [
  ...values.slice(0, count - 1),
  values.slice(count - 1).join(' '),
]

/** ASCII blanks only: others may be part of a command line. */
const fields = (line: string): readonly string[] => line.split(/[\t\n\f\r\v ]+/).filter(Boolean)

function number(pid: string): number {
  if (/^\d+$/.test(pid)) return Number(pid)
  throw new TallyError('internal', `Unexpected pid '${pid}'`)
}
