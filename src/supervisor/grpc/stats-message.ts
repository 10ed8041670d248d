/** The port's figures of a task as tallyman.supervisor.v1's message and back. A limit that there is not is left out. */
import type {
  TaskStats as Message,
  TaskStats__Output as Output,
} from '../../../build/proto/tallyman/supervisor/v1/TaskStats.ts'
import type { TaskStats } from '../port.ts'

export function toStats({ cgroup, readAt, pids, cpu, memory, blkio }: TaskStats): Message {
  return {
    ...{ cgroup, readAt, cpu: { ...cpu, perCpu: [...cpu.perCpu] } },
    pids: withoutNull(pids),
    memory: withoutNull(memory),
    blkioServiceBytes: [...blkio.serviceBytes],
    blkioServiced: [...blkio.serviced],
  }
}

function withoutNull<T extends { readonly limit: number | null }>({ limit, ...rest }: T) {
  return limit === null ? rest : { ...rest, limit }
}

export function fromStats(message: Output): TaskStats {
  const { cgroup, readAt, pids, cpu, memory, blkioServiceBytes, blkioServiced } = message
  if (pids === null || cpu === null || memory === null)
    throw new TypeError('the supervisor answered without figures')
  return {
    cgroup: cgroup === 'v1' ? 'v1' : 'v2',
    ...{ readAt, cpu },
    pids: { current: pids.current, limit: pids.limit ?? null },
    memory: { ...memory, limit: memory.limit ?? null },
    blkio: { serviceBytes: blkioServiceBytes, serviced: blkioServiced },
  }
}
