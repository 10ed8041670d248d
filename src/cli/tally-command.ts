/** The command line of `tally`, the client for what Docker has no word for. */
import { styleText } from 'node:util'
import { Command, CommanderError } from 'commander'
import { TallyError } from '../errors.ts'
import { getLines } from './api-client.ts'
import { addBackup } from './backup.ts'
import { type HistoryEvent, historyJson, historyTable, type Paint } from './history.ts'
import { defaultHost, socketPath } from './host.ts'
import { addRebuild } from './rebuild.ts'
import { addVerify } from './verify.ts'

export interface Terminal {
  readonly out: NodeJS.WritableStream
  readonly err: NodeJS.WritableStream
  readonly env: Readonly<Record<string, string | undefined>>
}

/** 0: done. 1: the daemon said no or can't be reached. 2: wrong command line. `verify` says more in its help. */
export type ExitCode = 0 | 1 | 2

/** Takes the exit code of a command that has more to say than that it was done. */
type Finish = (exitCode: ExitCode) => void

/** @param args without the interpreter and the script. */
export async function runTally(
  args: readonly string[],
  version: string,
  terminal: Terminal,
): Promise<ExitCode> {
  let exitCode: ExitCode = 0
  const finish: Finish = (code) => {
    exitCode = code
  }
  try {
    await tallyCommand(version, terminal, finish).parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (!(error instanceof TallyError)) throw error
    terminal.err.write(`tally: ${error.message}\n`)
    return error.code === 'bad-request' ? 2 : 1
  }
}

function tallyCommand(version: string, terminal: Terminal, finish: Finish): Command {
  const { out, err, env } = terminal
  const program = new Command('tally')
    .description('Shows what tallyd has recorded of its containers.')
    .version(`Tallyman version ${version}`, '-v, --version')
    .option(
      '-H, --host <unix://PATH>',
      'socket of the daemon',
      env.TALLY_HOST || env.DOCKER_HOST || defaultHost,
    )
  program
    .command('history <container>')
    .description('Show every step of a container’s life.')
    .option('--json', 'print one event a line as JSON')
    .addHelpText('after', '\nA removed container is found by its full id.')
    .action(async (container: string, options: { readonly json?: true }) => {
      const events = readHistory(program.opts<{ host: string }>().host, container)
      await (options.json === true ? printJson(events, out) : printTable(events, out))
    })
  const daemonSocket = () => socketPath(program.opts<{ host: string }>().host)
  addVerify(program, { terminal, daemonSocket, finish })
  addBackup(program, { terminal, daemonSocket })
  addRebuild(program, terminal)
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({
      writeOut: (text) => void out.write(text),
      writeErr: (text) => void err.write(text),
    })
  return program
}

async function* readHistory(host: string, container: string): AsyncGenerator<HistoryEvent> {
  const path = `/tally/containers/${encodeURIComponent(container)}/events`
  for await (const line of getLines(socketPath(host), path)) yield JSON.parse(line) as HistoryEvent
}

async function printJson(events: AsyncIterable<HistoryEvent>, out: NodeJS.WritableStream): Promise<void> {
  for await (const event of events) out.write(historyJson(event))
}

/** Aligned columns need all lines first. */
async function printTable(events: AsyncIterable<HistoryEvent>, out: NodeJS.WritableStream): Promise<void> {
  const all: HistoryEvent[] = []
  for await (const event of events) all.push(event)
  out.write(historyTable(all, paintFor(out)))
}

/** Colours only on a terminal, and not where NO_COLOR is set: styleText looks for both. */
const paintFor =
  (stream: NodeJS.WritableStream): Paint =>
  (style, text) =>
    styleText(style, text, { stream })
