/** `tally verify`: whether the record is what was written, through the daemon or, where none runs, from the files. */
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { type Verdict, verifyDatabase } from '../engine/verify.ts'
import { badRequest, TallyError } from '../errors.ts'
import { databasePath } from '../paths.ts'
import { readAnchor } from '../store/anchor.ts'
import type { Damage } from '../store/port.ts'
import { getAnswer } from './api-client.ts'

export interface VerifyContext {
  readonly terminal: { readonly out: NodeJS.WritableStream; readonly err: NodeJS.WritableStream }
  /** @throws TallyError bad-request for a host that is none. */
  readonly daemonSocket: () => string
  readonly finish: (exitCode: 0 | 1 | 2) => void
}

interface VerifyOptions {
  readonly dataRoot?: string
  readonly json?: true
}

const help = `
Without FILE and --data-root the running daemon is asked; it goes on with its work meanwhile.
With them no daemon may use the database, and nothing is written to it.

Checked are the hash of every event, the order of all events, the pages and indexes of the file, that the
log goes as far as the daemon once said, and that everything else is what the log leads to.

Exit codes: 0 all is well, 1 damage was found, 2 it could not be checked.`

export function addVerify(program: Command, context: VerifyContext): void {
  program
    .command('verify')
    .argument('[file]', 'a database or a backup of one')
    .description('Check that the record is what was written.')
    .option('--data-root <dir>', 'check the database of this data root; its daemon must not run')
    .option('--json', 'print the verdict as JSON')
    .addHelpText('after', help)
    .action((file: string | undefined, options: VerifyOptions) => verify(file, options, context))
}

async function verify(
  file: string | undefined,
  { dataRoot, json }: VerifyOptions,
  { terminal, daemonSocket, finish }: VerifyContext,
): Promise<void> {
  try {
    const verdict = await verdictOn({ file, dataRoot }, daemonSocket)
    terminal.out.write(json === true ? `${JSON.stringify(verdict)}\n` : sentences(verdict))
    finish(verdict.damages.length === 0 ? 0 : 1)
  } catch (error) {
    if (!(error instanceof TallyError)) throw error
    terminal.err.write(`tally: ${error.message}\n`)
    finish(2)
  }
}

interface Target {
  readonly file: string | undefined
  readonly dataRoot: string | undefined
}

async function verdictOn({ file, dataRoot }: Target, daemonSocket: () => string): Promise<Verdict> {
  if (file !== undefined && dataRoot !== undefined) throw badRequest('give FILE or --data-root, not both')
  const path = dataRoot === undefined ? file : databasePath({ dataRoot, execRoot: '' })
  if (path === undefined) return JSON.parse(await text(await getAnswer(daemonSocket(), '/tally/verify')))
  return verifyFiles(path)
}

/** Beside a backup there is no anchor. A damaged one proves nothing, neither for the log nor against it. */
function verifyFiles(path: string): Verdict {
  try {
    return verifyDatabase(path, readAnchor(path))
  } catch (error) {
    if (!(error instanceof TallyError) || error.code !== 'conflict') throw error
    const way = 'leave FILE and --data-root out to ask it'
    throw new TallyError('conflict', `${error.message}: ${way}`, { cause: error })
  }
}

function sentences({ events, streams, damages }: Verdict): string {
  const count = `${events.toLocaleString('en')} events in ${streams.toLocaleString('en')} streams`
  if (damages.length === 0) return `${count}: every hash fits, and all else is what the log says\n`
  const found = damages.map((damage) => `${sentence(damage)}\n`).join('')
  return `${found}${count}: damaged\n${advice(damages)}\n`
}

/** `event 17 (container/3f… version 3): the hash does not fit …`. */
function sentence(damage: Damage): string {
  if (damage.kind !== 'event') return damage.message
  const { position, stream, version, message } = damage
  const name = stream === '' ? '' : ` (${stream} version ${version})`
  return `event ${position}${name}: ${message}`
}

function advice(damages: readonly Damage[]): string {
  if (damages.every(({ kind }) => kind === 'projection'))
    return 'The log is whole, and the rest can be made from it: stop tallyd and run tally rebuild.'
  return 'A log cannot be mended: stop tallyd, keep the damaged files elsewhere, and put a backup in their place.'
}
