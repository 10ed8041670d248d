/** What a task uses in the form that containerd's clients know: cgroup v1's or v2's. */
import type { Any } from '../../../build/proto/google/protobuf/Any.ts'
import type { TaskStats } from '../port.ts'
import { pack, proto } from './proto.ts'

export function taskMetrics(stats: TaskStats): Any {
  return stats.cgroup === 'v1' ? legacyMetrics(stats) : unifiedMetrics(stats)
}

function legacyMetrics({ pids, cpu, memory }: TaskStats): Any {
  const message = {
    pids: { current: pids.current, limit: pids.limit ?? 0 },
    cpu: { usage: { total: cpu.total, user: cpu.user, kernel: cpu.system } },
    memory: {
      cache: memory.stat.cache ?? 0,
      rss: memory.stat.rss ?? 0,
      totalInactiveFile: memory.stat.total_inactive_file ?? 0,
      usage: {
        usage: memory.usage,
        limit: memory.limit ?? unlimited,
        max: memory.maxUsage,
        failcnt: memory.failures,
      },
    },
  }
  return pack('io.containerd.cgroups.v1.Metrics', proto.io.containerd.cgroups.v1.Metrics, message)
}

/** The largest number that both sides can say. */
const unlimited = Number.MAX_SAFE_INTEGER

function unifiedMetrics({ pids, cpu, memory }: TaskStats): Any {
  const microseconds = (nanoseconds: number): number => Math.floor(nanoseconds / 1000)
  const message = {
    pids: { current: pids.current, limit: pids.limit ?? 0 },
    cpu: {
      usageUsec: microseconds(cpu.total),
      userUsec: microseconds(cpu.user),
      systemUsec: microseconds(cpu.system),
    },
    memory: {
      anon: memory.stat.anon ?? 0,
      file: memory.stat.file ?? 0,
      inactiveFile: memory.stat.inactive_file ?? 0,
      usage: memory.usage,
      usageLimit: memory.limit ?? unlimited,
    },
  }
  return pack('io.containerd.cgroups.v2.Metrics', proto.io.containerd.cgroups.v2.Metrics, message)
}
