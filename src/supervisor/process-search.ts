/**
 * Finds processes by their command lines. Reading one waits while that process changes its memory, proc_pid_cmdline(5), so it is done on
 * libuv's pool, by one thread at a time; and one look at all processes serves all who asked before it began.
 */
import { readdir, readFile } from 'node:fs/promises'
import { type ProcessIdentity, startTicks } from '../kernel/process-identity.ts'

type Matches = (words: readonly string[]) => boolean

interface Found {
  readonly pid: number
  readonly words: readonly string[]
}

let running: Promise<unknown> = Promise.resolve()
let next: Promise<readonly Found[]> | undefined

/** Processes other than this one that are there when it is called and whose command line matches. */
export async function findProcesses(matches: Matches): Promise<readonly ProcessIdentity[]> {
  const all = await lookAtAll()
  const found = all.filter(({ words }) => matches(words))
  const identities = await Promise.all(found.map(({ pid }) => identify(pid, matches)))
  return identities.filter((identity) => identity !== undefined)
}

/** Not the look that is under way: it may have passed the process before that became what is asked for. */
function lookAtAll(): Promise<readonly Found[]> {
  next ??= running.then(() => {
    next = undefined
    const look = readAll()
    running = look.catch(() => undefined)
    return look
  })
  return next
}

async function readAll(): Promise<readonly Found[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const all: Found[] = []
  for (const pid of pids) if (pid !== process.pid) all.push({ pid, words: await commandLine(pid) })
  return all
}

/** Meanwhile the pid may be another's: the start time is of the process that still matches after it was read. */
async function identify(pid: number, matches: Matches): Promise<ProcessIdentity | undefined> {
  const ticks = startTicks(pid)
  return ticks !== undefined && matches(await commandLine(pid)) ? { pid, startTicks: ticks } : undefined
}

/** Empty for a process that is gone. */
async function commandLine(pid: number): Promise<readonly string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
  } catch {
    return []
  }
}
