/** One reading of what a container uses, as an item of `GET /containers/{id}/stats`: Go's `omitempty` and all. */
import { totalmem } from 'node:os'
import type { ContainerView } from '../../engine/port.ts'
import type { Usage } from '../../engine/usage.ts'
import type { BlkioStat, MemoryStats } from '../../supervisor/port.ts'
import { legacyMemory, unifiedMemory } from './memory-figures.ts'

export interface StatsItem {
  readonly view: Pick<ContainerView, 'id' | 'name'>
  /** Absent: the container does not run. */
  readonly usage: Usage | undefined
  /** The reading before this one. */
  readonly before?: Usage | undefined
}

export const statsView = ({ view, usage, before }: StatsItem): object => ({
  read: usage?.readAt ?? never,
  preread: before?.readAt ?? never,
  pids_stats: usage === undefined ? {} : pids(usage),
  blkio_stats: blkio(usage),
  num_procs: 0,
  storage_stats: {},
  cpu_stats: cpu(usage),
  precpu_stats: cpu(before),
  memory_stats: usage === undefined ? {} : memory(usage),
  name: `/${view.name}`,
  id: view.id,
})

const never = '0001-01-01T00:00:00Z'

const pids = ({ pids: { current, limit } }: Usage) => withoutZeros({ current, limit: limit ?? 0 })

function cpu(usage: Usage | undefined): object {
  const { cpu, processors } = usage ?? {}
  const { perCpu = [] } = cpu ?? {}
  return {
    cpu_usage: {
      total_usage: cpu?.total ?? 0,
      ...(perCpu.length > 0 && { percpu_usage: perCpu }),
      usage_in_kernelmode: cpu?.system ?? 0,
      usage_in_usermode: cpu?.user ?? 0,
    },
    ...withoutZeros({ system_cpu_usage: processors?.total ?? 0, online_cpus: processors?.online ?? 0 }),
    throttling_data: {
      periods: cpu?.periods ?? 0,
      throttled_periods: cpu?.throttledPeriods ?? 0,
      throttled_time: cpu?.throttledTime ?? 0,
    },
  }
}

/** v1 has a list for each of its files; of what v2 has no file for Docker says null. */
function blkio(usage: Usage | undefined): object {
  const ofV1 = usage?.cgroup === 'v1' ? [] : null
  return {
    io_service_bytes_recursive: operations(usage, usage?.blkio.serviceBytes),
    io_serviced_recursive: usage?.cgroup === 'v1' ? operations(usage, usage.blkio.serviced) : null,
    io_queue_recursive: ofV1,
    io_service_time_recursive: ofV1,
    io_wait_time_recursive: ofV1,
    io_merged_recursive: ofV1,
    io_time_recursive: ofV1,
    sectors_recursive: ofV1,
  }
}

function operations(usage: Usage | undefined, stats: readonly BlkioStat[] = []): readonly BlkioStat[] | null {
  if (usage?.cgroup === 'v1') return stats
  return stats.length === 0 ? null : stats.map((stat) => ({ ...stat, op: stat.op.toLowerCase() }))
}

/** One without a limit may use all that the machine has. */
function memory({ cgroup, memory }: Usage): object {
  const { usage, maxUsage, failures, limit } = memory
  const stats = figures(memory, cgroup === 'v1' ? legacyMemory : unifiedMemory)
  const ceiling = Math.min(limit ?? Number.POSITIVE_INFINITY, totalmem())
  return {
    ...withoutZeros({ usage, max_usage: maxUsage }),
    stats,
    ...withoutZeros({ failcnt: failures, limit: ceiling }),
  }
}

const figures = ({ stat }: MemoryStats, names: readonly string[]): Record<string, number> =>
  Object.fromEntries(names.map((name) => [name, stat[name] ?? 0]))

const withoutZeros = (fields: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== 0))
