import { describe, expect, test as it } from 'vitest'
import { legacyFigures, unifiedFigures } from '../../../src/supervisor/cgroup-figures.ts'

const reader = (files: Readonly<Record<string, string>>) => (name: string) => files[name] ?? ''

/** Recorded on Linux 6.18 with cgroup v1's controllers; the I/O lines as the kernel writes them for a disk. */
const legacy = {
  'pids.current': '3\n',
  'pids.max': 'max\n',
  'cpuacct.usage': '74556361\n',
  'cpuacct.usage_user': '51234567\n',
  'cpuacct.usage_sys': '23321794\n',
  'cpuacct.usage_percpu': '7656350 66900011 \n',
  'cpu.stat': 'nr_periods 10\nnr_throttled 2\nthrottled_time 345678\nnr_bursts 0\nburst_time 0\n',
  'memory.usage_in_bytes': '2469888\n',
  'memory.limit_in_bytes': '9223372036854771712\n',
  'memory.max_usage_in_bytes': '4034560\n',
  'memory.failcnt': '5\n',
  'memory.stat':
    'cache 9531392\nrss 10031104\nhierarchical_memory_limit 9223372036854771712\ntotal_inactive_file 4096\n',
  'blkio.bfq.io_service_bytes_recursive': 'Total 0\n',
  'blkio.throttle.io_service_bytes_recursive':
    '8:0 Read 4096\n8:0 Write 8192\n8:0 Sync 12288\n8:0 Async 0\n8:0 Discard 0\n8:0 Total 12288\nTotal 12288\n',
  'blkio.throttle.io_serviced_recursive': '8:0 Read 1\n8:0 Write 2\n8:0 Total 3\nTotal 3\n',
}

/** As the kernel's documentation of cgroup v2 has them. */
const unified = {
  'pids.current': '3\n',
  'pids.max': '100\n',
  'cpu.stat':
    'usage_usec 74556\nuser_usec 51234\nsystem_usec 23322\nnr_periods 10\nnr_throttled 2\nthrottled_usec 345\n',
  'memory.current': '2469888\n',
  'memory.max': 'max\n',
  'memory.events': 'low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n',
  'memory.stat': 'anon 10031104\nfile 9531392\ninactive_file 4096\n',
  'io.stat':
    '8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n8:0 rbytes=90430464 wbytes=0 rios=8950 wios=0 dbytes=50331648 dios=3021\n',
}

describe('The figures of a control group', () => {
  it('are read on v1', () => {
    expect(legacyFigures(reader(legacy))).toEqual({
      cgroup: 'v1',
      pids: { current: 3, limit: null },
      cpu: {
        ...{ total: 74556361, user: 51234567, system: 23321794, perCpu: [7656350, 66900011] },
        ...{ periods: 10, throttledPeriods: 2, throttledTime: 345678 },
      },
      memory: {
        ...{ usage: 2469888, limit: null, maxUsage: 4034560, failures: 5 },
        stat: {
          ...{ cache: 9531392, rss: 10031104, total_inactive_file: 4096 },
          hierarchical_memory_limit: Number('9223372036854771712'),
        },
      },
      blkio: {
        serviceBytes: [
          ['Read', 4096],
          ['Write', 8192],
          ['Sync', 12288],
          ['Async', 0],
          ['Discard', 0],
          ['Total', 12288],
        ].map(([op, value]) => ({ major: 8, minor: 0, op, value })),
        serviced: [
          ['Read', 1],
          ['Write', 2],
          ['Total', 3],
        ].map(([op, value]) => ({ major: 8, minor: 0, op, value })),
      },
    })
  })

  it('are read on v2', () => {
    expect(unifiedFigures(reader(unified))).toEqual({
      cgroup: 'v2',
      pids: { current: 3, limit: 100 },
      cpu: {
        ...{ total: 74556000, user: 51234000, system: 23322000, perCpu: [] },
        ...{ periods: 10, throttledPeriods: 2, throttledTime: 345000 },
      },
      memory: {
        ...{ usage: 2469888, limit: null, maxUsage: 0, failures: 5 },
        stat: { anon: 10031104, file: 9531392, inactive_file: 4096 },
      },
      blkio: {
        serviceBytes: [
          { major: 8, minor: 16, op: 'Read', value: 1459200 },
          { major: 8, minor: 16, op: 'Write', value: 314773504 },
          { major: 8, minor: 0, op: 'Read', value: 90430464 },
          { major: 8, minor: 0, op: 'Write', value: 0 },
        ],
        serviced: [
          { major: 8, minor: 16, op: 'Read', value: 192 },
          { major: 8, minor: 16, op: 'Write', value: 353 },
          { major: 8, minor: 0, op: 'Read', value: 8950 },
          { major: 8, minor: 0, op: 'Write', value: 0 },
        ],
      },
    })
  })

  it.each([
    ['v1', legacyFigures],
    ['v2', unifiedFigures],
  ] as const)('are nothing where the host accounts nothing, on %s', (cgroup, figures) => {
    expect(figures(reader({}))).toMatchObject({
      cgroup,
      pids: { current: 0, limit: null },
      cpu: { total: 0, perCpu: [] },
      memory: { usage: 0, limit: null, stat: {} },
      blkio: { serviceBytes: [], serviced: [] },
    })
  })
})
