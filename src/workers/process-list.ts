/** What the host's `ps` says of processes, ps(1). */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { TallyError } from '../errors.ts'

const runFile = promisify(execFile)

/**
 * @param args options of ps; some (`f`) do not go together with its option for certain pids, and then it tells of all processes.
 * @throws TallyError internal with the first line of its complaint
 */
export async function listProcesses(args: readonly string[], pids: readonly number[]): Promise<string> {
  try {
    return await ps([...args, `-q${pids.join(',')}`])
  } catch {
    return ps(args).catch((error: unknown) => {
      throw new TallyError('internal', `ps: ${reason(error)}`, { cause: error })
    })
  }
}

/** A process in the kernel's hands can hold up who reads its command line. */
const patienceMilliseconds = 10_000
const mostBytes = 64 << 20

async function ps(args: readonly string[]): Promise<string> {
  const options = { timeout: patienceMilliseconds, killSignal: 'SIGKILL', maxBuffer: mostBytes } as const
  const { stdout } = await runFile('ps', args, options)
  return stdout
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code, killed, stderr } = error as ExecError
  if (code === 'ENOENT') return 'the host has no ps: install procps'
  if (killed === true) return 'it did not answer in time'
  return stderr?.split('\n')[0] || error.message
}

type ExecError = Error & { readonly code?: unknown; readonly killed?: boolean; readonly stderr?: string }
