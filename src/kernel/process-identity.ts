/** Tells a process from a later one that got the same pid: by its start time, field 22 of /proc/<pid>/stat, proc_pid_stat(5). */
import { readFileSync } from 'node:fs'
import { failedWith } from './addon.ts'

export interface ProcessIdentity {
  readonly pid: number
  readonly startTicks: string
}

/** When the process started, in clock ticks since boot; undefined if there is no such process. */
export function startTicks(pid: number): string | undefined {
  return processStat(pid)?.startTicks
}

/** Whether this very process still runs. One that has ended but is not yet waited for does not. */
export function isAlive(process: ProcessIdentity): boolean {
  const stat = processStat(process.pid)
  return stat !== undefined && stat.startTicks === process.startTicks && !'ZX'.includes(stat.state)
}

/** The command name (field 2) is in parentheses and may hold spaces and parentheses itself, so fields count from the last one. */
export function parseStat(text: string): { readonly state: string; readonly startTicks: string } {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', startTicks: fields[19] ?? '' }
}

function processStat(pid: number): ReturnType<typeof parseStat> | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    if (failedWith(error, 'ENOENT', 'ESRCH')) return undefined
    throw error
  }
}
