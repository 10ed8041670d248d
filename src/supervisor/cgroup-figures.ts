/** The files of a control group as figures: those of cgroup v1's controllers and those of v2, kernel documentation `cgroup-v1` and `cgroup-v2`. */
import type { BlkioStat, TaskStats } from './port.ts'

/** The text of a file of the group; empty if there is none. */
export type ReadFile = (name: string) => string

type Figures = Omit<TaskStats, 'readAt'>

export function legacyFigures(read: ReadFile): Figures {
  const throttled = table(read('cpu.stat'))
  return {
    cgroup: 'v1',
    pids: pids(read),
    cpu: {
      total: number(read('cpuacct.usage')),
      user: number(read('cpuacct.usage_user')),
      system: number(read('cpuacct.usage_sys')),
      perCpu: words(read('cpuacct.usage_percpu')).map(Number),
      periods: throttled.nr_periods ?? 0,
      throttledPeriods: throttled.nr_throttled ?? 0,
      throttledTime: throttled.throttled_time ?? 0,
    },
    memory: {
      usage: number(read('memory.usage_in_bytes')),
      limit: limit(read('memory.limit_in_bytes')),
      maxUsage: number(read('memory.max_usage_in_bytes')),
      failures: number(read('memory.failcnt')),
      stat: table(read('memory.stat')),
    },
    blkio: {
      serviceBytes: operations(read, 'io_service_bytes'),
      serviced: operations(read, 'io_serviced'),
    },
  }
}

export function unifiedFigures(read: ReadFile): Figures {
  const cpu = table(read('cpu.stat'))
  const nanoseconds = (name: string): number => (cpu[name] ?? 0) * 1000
  const io = read('io.stat')
  return {
    cgroup: 'v2',
    pids: pids(read),
    cpu: {
      total: nanoseconds('usage_usec'),
      user: nanoseconds('user_usec'),
      system: nanoseconds('system_usec'),
      perCpu: [],
      periods: cpu.nr_periods ?? 0,
      throttledPeriods: cpu.nr_throttled ?? 0,
      throttledTime: nanoseconds('throttled_usec'),
    },
    memory: {
      usage: number(read('memory.current')),
      limit: limit(read('memory.max')),
      maxUsage: 0,
      failures: table(read('memory.events')).max ?? 0,
      stat: table(read('memory.stat')),
    },
    blkio: { serviceBytes: devices(io, 'rbytes', 'wbytes'), serviced: devices(io, 'rios', 'wios') },
  }
}

const pids = (read: ReadFile) => ({ current: number(read('pids.current')), limit: limit(read('pids.max')) })

const words = (text: string): readonly string[] => text.split(/\s+/).filter(Boolean)

/** 0 for a file that is not there. */
const number = (text: string): number => Number(text.trim()) || 0

/** v1 says the largest number of pages instead of `max`. */
function limit(text: string): number | null {
  const bytes = Number(text.trim())
  return text.trim() === '' || Number.isNaN(bytes) || bytes > Number.MAX_SAFE_INTEGER ? null : bytes
}

/** Lines `key value`. */
function table(text: string): Readonly<Record<string, number>> {
  const lines = text.split('\n').filter(Boolean)
  return Object.fromEntries(
    lines.map((line) => line.split(' ')).map(([key = '', value]) => [key, number(value ?? '')]),
  )
}

/** Whoever does the accounting: the BFQ scheduler for the devices that it serves, else the throttling layer, for all. */
function operations(read: ReadFile, name: string): readonly BlkioStat[] {
  const ofScheduler = operationLines(read(`blkio.bfq.${name}_recursive`))
  return ofScheduler.length > 0 ? ofScheduler : operationLines(read(`blkio.throttle.${name}_recursive`))
}

/** Lines `8:0 Read 4096`; the sum over all devices at the end has no device. */
function operationLines(text: string): readonly BlkioStat[] {
  return [...text.matchAll(/^(\d+):(\d+) (\w+) (\d+)$/gm)].map(([, major, minor, op = '', value]) => ({
    major: Number(major),
    minor: Number(minor),
    op,
    value: Number(value),
  }))
}

/** Lines `8:0 rbytes=4096 wbytes=0 …`, of which two fields are wanted. */
function devices(text: string, reads: string, writes: string): readonly BlkioStat[] {
  return text.split('\n').flatMap((line) => {
    const [, major, minor] = /^(\d+):(\d+) /.exec(line) ?? []
    const field = (name: string): number => number(new RegExp(`\\b${name}=(\\d+)`).exec(line)?.[1] ?? '')
    if (major === undefined) return []
    const device = { major: Number(major), minor: Number(minor) }
    return [
      { ...device, op: 'Read', value: field(reads) },
      { ...device, op: 'Write', value: field(writes) },
    ]
  })
}
