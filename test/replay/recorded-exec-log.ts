/** Recorded logs of execs: as those of containers, but for the states, of which there are few and small, so that each line has all of its state. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecLife } from '../../machines/exec-life.ts'
import type { EventRow } from '../../src/store/recorded.ts'
import { type LogHeader, logsRoot, rowsOf } from './recorded-log.ts'

export interface RecordedExecState {
  readonly value: unknown
  readonly context: unknown
}

export interface RecordedExecLog {
  readonly name: string
  readonly header: LogHeader
  readonly rows: readonly EventRow[]
  readonly states: readonly RecordedExecState[]
}

/** `exec-<version>`: another one when the shape of the machine's context changes. */
export const execLogsRoot = join(logsRoot, 'exec-1')

/** As JSON has it: without fields that are undefined. */
export const recordedExecState = ({ value, context }: ExecLife): RecordedExecState =>
  JSON.parse(JSON.stringify({ value, context }))

export const execStatesText = (lives: readonly ExecLife[]): string =>
  lives.map((life) => `${JSON.stringify(recordedExecState(life))}\n`).join('')

export function readExecLogs(): readonly RecordedExecLog[] {
  const names = readdirSync(execLogsRoot).flatMap((file) => /^(.+)\.states\.jsonl$/.exec(file)?.[1] ?? [])
  return names.sort().map((name) => {
    const [header, ...events] = linesOf(`${name}.jsonl`)
    const states = linesOf(`${name}.states.jsonl`) as readonly RecordedExecState[]
    return { name, header: header as LogHeader, rows: rowsOf(events), states }
  })
}

const linesOf = (file: string): readonly unknown[] =>
  readFileSync(join(execLogsRoot, file), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
