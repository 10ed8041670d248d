/**
 * Finds processes by their command lines. Reading one waits while that process changes its memory, proc_pid_cmdline(5), so it is done on
 * libuv's pool, by one thread at a time; and one look at all processes serves all who asked before it began.
 */
import { readdir, readFile } from 'node:fs/promises'
import { type ProcessIdentity, startTicks } from '../kernel/process-identity.ts'

type Matches = (words: readonly string[]) => boolean

interface Look {
  readonly pid: number
  readonly words: readonly string[]
}

export interface Command extends ProcessIdentity {
  readonly words: readonly string[]
}

let running: Promise<unknown> = Promise.resolve()
let next: Promise<readonly Look[]> | undefined

/** Processes other than this one that are there when it is called and whose command line matches. */
export async function findProcesses(matches: Matches): Promise<readonly ProcessIdentity[]> {
  const found = await findCommands(matches)
  return found.map(({ pid, startTicks: ticks }) => ({ pid, startTicks: ticks }))
}

/** The same, with what they were started with. */
export async function findCommands(matches: Matches): Promise<readonly Command[]> {
  const all = await lookAtAll()
  const found = all.filter(({ words }) => matches(words))
  const identities = await Promise.all(found.map(({ pid }) => identify(pid, matches)))
  return identities.filter((identity) => identity !== undefined)
}

/** Not the look that is under way: it may have passed the process before that became what is asked for. */
function lookAtAll(): Promise<readonly Look[]> {
  next ??= running.then(() => {
    next = undefined
    const look = readAll()
    running = look.catch(() => undefined)
    return look
  })
  return next
}

async function readAll(): Promise<readonly Look[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const all: Look[] = []
  for (const pid of pids) if (pid !== process.pid) all.push({ pid, words: await commandLine(pid) })
  return all
}

/** Meanwhile the pid may be another's: the start time is of the process that still matches after it was read. */
async function identify(pid: number, matches: Matches): Promise<Command | undefined> {
  const ticks = startTicks(pid)
  const words = await commandLine(pid)
  return ticks !== undefined && matches(words) ? { pid, startTicks: ticks, words } : undefined
}

/** Empty for a process that is gone. */
async function commandLine(pid: number): Promise<readonly string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
  } catch {
    return []
  }
}
