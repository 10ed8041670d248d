/** What all processors together have spent, proc_stat(5). */
import { readFileSync } from 'node:fs'

export interface ProcessorTime {
  /** Nanoseconds since boot of all processors, idle ones included. */
  readonly total: number
  readonly online: number
}

export const processorTime = (): ProcessorTime => parseProcStat(readFileSync('/proc/stat', 'utf8'))

/** @param text of /proc/stat: first a line for all processors, then one for each that is online */
export function parseProcStat(text: string): ProcessorTime {
  const [, all = ''] = /^cpu +(.*)$/m.exec(text) ?? []
  const ticks = all.split(' ').slice(0, countedColumns).map(Number)
  const total = ticks.reduce((sum, each) => sum + each, 0) * nanosecondsPerTick
  return { total, online: text.match(/^cpu\d+ /gm)?.length ?? 0 }
}

/** user, nice, system, idle, iowait, irq and softirq: guests are in `user` already, and stolen time was nobody's here. */
const countedColumns = 7

/** USER_HZ is 100 on every architecture that Linux runs containers on, time(7). */
const nanosecondsPerTick = 10_000_000
