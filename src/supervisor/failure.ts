/** What runc and the shim wrote about a failed start, as the sentence and the exit code that Docker gives for it. */
import { TallyError } from '../errors.ts'

/** As in `runc create`, `runc start` and `runc exec`. */
export type RuntimeStep = 'create' | 'start' | 'exec'

export interface FailureFacts {
  readonly step: RuntimeStep
  /** The first word of the process's arguments. */
  readonly command: string
  /** What is in log.json and shim-log.json: one JSON object a line. */
  readonly runtimeLog: string
  readonly shimLog: string
  /** What to say if neither says anything. */
  readonly otherwise: string
}

interface LogLine {
  readonly level?: string
  readonly msg?: string
  readonly step?: string
  readonly errno?: number
}

/** The last error in a log of JSON lines; lines that are cut or are no JSON are passed over. */
export function lastError(log: string): string | undefined {
  const line = log.split('\n').map(parseLine).findLast(isError)
  return line === undefined ? undefined : [line.step, line.msg].filter(Boolean).join(': ')
}

/** Docker prefixes what it passes on from below; containerd appends its code. */
const prefixes: Record<RuntimeStep, string> = {
  create: 'failed to create shim task: OCI runtime create failed: ',
  start: 'OCI runtime start failed: ',
  exec: 'OCI runtime exec failed: ',
}

const workerSteps: Record<RuntimeStep, string> = {
  create: 'awaitPid',
  start: 'startProcess',
  exec: 'awaitPid',
}

/**
 * The error that Docker answers with: 127 if the command is not there, 126 if it can't be executed, 128 otherwise. The first two are the
 * request's fault (400), the third is not (500). runc's words are preferred, the shim's are for what runc never got to.
 */
export function startFailure(facts: FailureFacts): TallyError {
  const said = lastError(facts.runtimeLog) ?? lastError(facts.shimLog) ?? facts.otherwise
  const text = `${prefixes[facts.step]}${said}: unknown`
  const { exitCode, advice } = classify(text, facts.command)
  return new TallyError(exitCode === 128 ? 'internal' : 'bad-request', text + advice, {
    step: workerSteps[facts.step],
    detail:
      [facts.runtimeLog, facts.shimLog]
        .map((log) => log.trim())
        .filter(Boolean)
        .join('\n') || said,
    exitCode,
  })
}

const wrongKind =
  ': Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type'

/** runc writes the command it blames in double quotes, crun in backticks. */
const quotes = ['"', '`']

/** In the order of precedence that Docker's own rules have. */
function classify(text: string, command: string): { exitCode: number; advice: string } {
  const lower = text.toLowerCase()
  const blamesCommand = quotes.some((quote) => text.includes(quote + command + quote))
  if (lower.includes('not a directory')) return { exitCode: 127, advice: wrongKind }
  if (blamesCommand && /permission denied|is a directory/.test(lower)) return { exitCode: 126, advice: '' }
  if (blamesCommand && /executable file not found|no such file or directory/.test(lower))
    return { exitCode: 127, advice: '' }
  return { exitCode: 128, advice: '' }
}

function isError(line: LogLine | undefined): line is LogLine {
  return line?.msg !== undefined && (line.level === 'error' || line.level === 'fatal')
}

function parseLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine
  } catch {
    return undefined
  }
}
