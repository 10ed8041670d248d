/** `tally backup`: takes the running daemon's database over its socket into a file that is whole or not there. */
import { existsSync } from 'node:fs'
import { type FileHandle, link, open, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import type { Command } from 'commander'
import { TallyError } from '../errors.ts'
import { getAnswer } from './api-client.ts'

export interface BackupContext {
  readonly terminal: { readonly out: NodeJS.WritableStream }
  readonly daemonSocket: () => string
}

const help = `
The daemon goes on with its work meanwhile. FILE must not exist; it is private (mode 0600), complete and on the disk
when this ends, or it is not there. Check it with: tally verify FILE.

To restore it: stop tallyd, move tallyman.db, tallyman.db-wal and tallyman.db.head out of the data root, copy FILE
there as tallyman.db, and start tallyd.`

export function addBackup(program: Command, { terminal, daemonSocket }: BackupContext): void {
  program
    .command('backup <file>')
    .description('Write a copy of the running daemon’s record to a new file.')
    .addHelpText('after', help)
    .action(async (file: string) => {
      const { events, size } = await backUp(resolve(file), daemonSocket())
      terminal.out.write(
        `${file}: ${events.toLocaleString('en')} events, ${size.toLocaleString('en')} bytes\n`,
      )
    })
}

interface Written {
  readonly events: number
  readonly size: number
}

async function backUp(file: string, socketPath: string): Promise<Written> {
  const aside = join(dirname(file), `.${basename(file)}.${process.pid}.part`)
  try {
    if (existsSync(file)) throw alreadyThere(file)
    const written = await writeAside(aside, socketPath)
    // Unlike rename(2), link(2) never replaces what has come there meanwhile.
    await link(aside, file)
    await sync(dirname(file))
    return written
  } catch (error) {
    throw error instanceof TallyError ? error : cannotWrite(file, error)
  } finally {
    await rm(aside, { force: true })
  }
}

/** @throws TallyError internal if the answer was cut off. */
async function writeAside(aside: string, socketPath: string): Promise<Written> {
  await using output = await open(aside, 'wx', 0o600)
  const answer = await getAnswer(socketPath, '/tally/backup')
  const size = Number(answer.headers['content-length'])
  const written = await pour(answer, output)
  if (written !== size) throw cutOff(written, size)
  await output.datasync()
  return { events: Number(answer.headers['x-tally-events']), size }
}

/** @returns how many bytes came. A connection that is cut shows in their number. */
async function pour(answer: AsyncIterable<Buffer>, output: FileHandle): Promise<number> {
  let written = 0
  try {
    for await (const chunk of answer) {
      await output.writeFile(chunk)
      written += chunk.length
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) throw error
  }
  return written
}

async function sync(directory: string): Promise<void> {
  await using handle = await open(directory, 'r')
  await handle.sync()
}

const alreadyThere = (file: string): TallyError =>
  new TallyError('already-exists', `${file} is there already, and nothing is overwritten`)

const cutOff = (written: number, size: number): TallyError =>
  new TallyError('internal', `the daemon ended after ${written} of ${size} bytes; there is no backup`)

function cannotWrite(file: string, cause: unknown): TallyError {
  if (!(cause instanceof Error)) return new TallyError('internal', `cannot write ${file}: ${cause}`)
  if ('code' in cause && cause.code === 'EEXIST') return alreadyThere(file)
  const errno = 'errno' in cause ? Number(cause.errno) : 0
  const reason = getSystemErrorMap().get(errno)?.[1] ?? cause.message
  return new TallyError('internal', `cannot write ${file}: ${reason}`, { cause })
}
