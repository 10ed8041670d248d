import { totalmem } from 'node:os'
import { describe, expect, test as it } from 'vitest'
import { statsView } from '../../../../src/api/views/stats.ts'
import type { Usage } from '../../../../src/engine/usage.ts'

const view = { id: 'abc', name: 'web' }

const usage = (change: Partial<Usage> = {}): Usage => ({
  cgroup: 'v1',
  readAt: '2026-11-24T12:00:01Z',
  pids: { current: 2, limit: 7 },
  cpu: {
    total: 50,
    user: 30,
    system: 20,
    perCpu: [40, 10],
    periods: 4,
    throttledPeriods: 3,
    throttledTime: 9,
  },
  memory: {
    usage: 100,
    limit: 4096,
    maxUsage: 200,
    failures: 1,
    stat: { cache: 5, total_cache: 6, shmem: 1 },
  },
  blkio: {
    serviceBytes: [{ major: 8, minor: 0, op: 'Read', value: 4096 }],
    serviced: [{ major: 8, minor: 0, op: 'Read', value: 1 }],
  },
  processors: { total: 1000, online: 2 },
  ...change,
})

const nothingUsed = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
}

describe('Statistics', () => {
  it('of a container that does not run are Docker’s zeros', () => {
    expect(statsView({ view, usage: undefined })).toEqual({
      read: '0001-01-01T00:00:00Z',
      preread: '0001-01-01T00:00:00Z',
      pids_stats: {},
      blkio_stats: {
        io_service_bytes_recursive: null,
        io_serviced_recursive: null,
        io_queue_recursive: null,
        io_service_time_recursive: null,
        io_wait_time_recursive: null,
        io_merged_recursive: null,
        io_time_recursive: null,
        sectors_recursive: null,
      },
      num_procs: 0,
      storage_stats: {},
      cpu_stats: nothingUsed,
      precpu_stats: nothingUsed,
      memory_stats: {},
      name: '/web',
      id: 'abc',
    })
  })

  it('on cgroup v1 have its operations, each processor and its lines of memory', () => {
    const shown = statsView({ view, usage: usage() })
    expect(shown).toMatchObject({
      read: '2026-11-24T12:00:01Z',
      pids_stats: { current: 2, limit: 7 },
      blkio_stats: {
        io_service_bytes_recursive: [{ major: 8, minor: 0, op: 'Read', value: 4096 }],
        io_serviced_recursive: [{ major: 8, minor: 0, op: 'Read', value: 1 }],
        io_queue_recursive: [],
      },
      cpu_stats: {
        cpu_usage: {
          total_usage: 50,
          percpu_usage: [40, 10],
          usage_in_kernelmode: 20,
          usage_in_usermode: 30,
        },
        system_cpu_usage: 1000,
        online_cpus: 2,
        throttling_data: { periods: 4, throttled_periods: 3, throttled_time: 9 },
      },
      precpu_stats: nothingUsed,
      memory_stats: {
        usage: 100,
        max_usage: 200,
        failcnt: 1,
        limit: 4096,
        stats: { cache: 5, total_cache: 6 },
      },
    })
    expect(shown).not.toHaveProperty('memory_stats.stats.shmem')
    expect(shown).toHaveProperty('memory_stats.stats.hierarchical_memsw_limit', 0)
  })

  it('on cgroup v2 have operations in small letters and null for what is not counted', () => {
    const memory = { usage: 100, limit: null, maxUsage: 0, failures: 0, stat: { anon: 7, slab: 8 } }
    const cpu = { ...usage().cpu, perCpu: [] }
    const shown = statsView({ view, usage: usage({ cgroup: 'v2', memory, cpu }) })
    expect(shown).toMatchObject({
      blkio_stats: {
        io_service_bytes_recursive: [{ major: 8, minor: 0, op: 'read', value: 4096 }],
        io_serviced_recursive: null,
        io_queue_recursive: null,
      },
      memory_stats: { usage: 100, limit: totalmem(), stats: { anon: 7, slab: 8, file: 0 } },
    })
    expect(shown).not.toHaveProperty('cpu_stats.cpu_usage.percpu_usage')
    expect(shown).not.toHaveProperty('memory_stats.max_usage')
  })

  it('have the processor’s time of the reading before', () => {
    const before = usage({ readAt: '2026-11-24T12:00:00Z', processors: { total: 900, online: 2 } })
    expect(statsView({ view, usage: usage(), before })).toMatchObject({
      preread: '2026-11-24T12:00:00Z',
      precpu_stats: { cpu_usage: { total_usage: 50 }, system_cpu_usage: 900, online_cpus: 2 },
    })
  })
})
