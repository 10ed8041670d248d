import { describe, expect, test as it } from 'vitest'
import type { HostConfig } from '../../../machines/spec.ts'
import { defaultHostConfig } from '../../../src/engine/create-defaults.ts'
import { checkResources } from '../../../src/oci/check-resources.ts'
import { isAvailable } from '../../../src/oci/cpu-list.ts'
import type { LimitSupport } from '../../../src/oci/facts.ts'
import { resources } from '../../../src/oci/resources.ts'
import { aHost } from '../../fixtures/host-facts.ts'

const mebibyte = 1024 * 1024
const none = Object.fromEntries(
  Object.keys(aHost.limits).map((name) => [name, false]),
) as unknown as LimitSupport

const limited = (changes: Partial<HostConfig>, limits = aHost.limits) =>
  resources(defaultHostConfig(changes), {
    limits,
    deviceNumbers: { '/dev/sda': { major: 8, minor: 0 } },
  })
const checked = (changes: Partial<HostConfig>, limits = aHost.limits) =>
  checkResources(defaultHostConfig(changes), { ...aHost, limits })

describe('Limits', () => {
  it('are not written unless asked for', () => {
    const { memory, cpu, pids } = limited({})
    expect([memory, cpu, pids]).toEqual([{}, {}, undefined])
  })

  it('of memory bring swap of the same size, unless it is set', () => {
    expect(limited({ Memory: 64 * mebibyte }).memory).toEqual({
      limit: 64 * mebibyte,
      swap: 128 * mebibyte,
    })
    expect(limited({ Memory: 64 * mebibyte, MemorySwap: -1 }).memory).toEqual({ limit: 64 * mebibyte })
    expect(limited({ Memory: 64 * mebibyte, MemorySwap: 70 * mebibyte }).memory?.swap).toBe(70 * mebibyte)
  })

  it('of swappiness know -1 as unset and 0 as a value', () => {
    expect(limited({ MemorySwappiness: -1 }).memory).toEqual({})
    expect(limited({ MemorySwappiness: 0 }).memory).toEqual({ swappiness: 0 })
  })

  it('of cpus become a quota of each 100 ms', () => {
    expect(limited({ NanoCpus: 1_500_000_000 }).cpu).toEqual({ period: 100_000, quota: 150_000 })
    expect(limited({ CpuPeriod: 50_000, CpuQuota: 25_000 }).cpu).toEqual({ period: 50_000, quota: 25_000 })
  })

  it('of pids take 0 and less for none', () => {
    expect(limited({ PidsLimit: 7 }).pids).toEqual({ limit: 7 })
    expect(limited({ PidsLimit: 0 }).pids).toEqual({ limit: -1 })
  })

  it('of devices have their numbers', () => {
    const { blockIO } = limited({ BlkioDeviceReadBps: [{ Path: '/dev/sda', Rate: 9 }], BlkioWeight: 100 })
    expect(blockIO).toMatchObject({ weight: 100, throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 9 }] })
  })

  it('of the real-time scheduler and of devices’ weights are written', () => {
    expect(limited({ CpuRealtimePeriod: 100_000, CpuRealtimeRuntime: 5000 }).cpu).toEqual({
      realtimePeriod: 100_000,
      realtimeRuntime: 5000,
    })
    expect(limited({ BlkioWeightDevice: [{ Path: '/dev/sda', Weight: 300 }] }).blockIO).toMatchObject({
      weightDevice: [{ major: 8, minor: 0, weight: 300 }],
    })
  })

  it('of an unknown device fail the start', () => {
    expect(() => limited({ BlkioDeviceWriteIOps: [{ Path: '/dev/nonex', Rate: 1 }] })).toThrow(
      'stat /dev/nonex: no such file or directory',
    )
  })

  it('that the kernel can not hold are left out', () => {
    const wanted = { Memory: 64 * mebibyte, NanoCpus: 1e9, CpusetCpus: '0', PidsLimit: 3, BlkioWeight: 100 }
    const { memory, cpu, pids, blockIO } = limited(wanted, none)
    expect([memory, cpu, pids, blockIO]).toEqual([{}, {}, undefined, {}])
    const weights = [{ Path: '/dev/nonex', Weight: 300 }]
    expect(limited({ BlkioWeightDevice: weights }, none).blockIO).toEqual({})
  })
})

describe('At creation', () => {
  it.each([
    [{ Memory: 1000 }, 'Minimum memory limit allowed is 6MB'],
    [{ Memory: -5 }, 'Minimum memory limit allowed is 6MB'],
    [
      { MemorySwap: 70_000_000 },
      'You should always set the Memory limit when using Memoryswap limit, see usage',
    ],
    [
      { Memory: 70_000_000, MemorySwap: 60_000_000 },
      'Minimum memoryswap limit should be larger than memory limit, see usage',
    ],
    [{ MemorySwappiness: 101 }, 'Invalid value: 101, valid memory swappiness range is 0-100'],
    [{ MemoryReservation: 1000 }, 'Minimum memory reservation allowed is 6MB'],
    [
      { Memory: 7_000_000, MemoryReservation: 8_000_000 },
      'Minimum memory limit can not be less than memory reservation limit, see usage',
    ],
    [{ KernelMemory: 1000 }, 'Minimum kernel memory limit allowed is 6MB'],
    [{ NanoCpus: 99e9 }, 'Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available'],
    [{ NanoCpus: -1 }, 'Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available'],
    [
      { NanoCpus: 1e9, CpuPeriod: 100_000 },
      'Conflicting options: Nano CPUs and CPU Period cannot both be set',
    ],
    [{ NanoCpus: 1e9, CpuQuota: 100_000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
    [
      { CpuPeriod: 10 },
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    ],
    [{ CpuQuota: 10 }, 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
    [{ CpuShares: -1 }, 'shares: invalid argument'],
    [{ CpusetCpus: '99' }, 'Requested CPUs are not available - requested 99, available: 0-1'],
    [{ CpusetCpus: 'x' }, 'Invalid value x for cpuset cpus: invalid format: x'],
    [{ CpusetCpus: '3-1' }, 'Invalid value 3-1 for cpuset cpus: invalid format: 3-1'],
    [{ CpusetCpus: '9000' }, 'Invalid value 9000 for cpuset cpus: value of out range, maximum is 8192'],
    [{ CpusetMems: '7' }, 'Requested memory nodes are not available - requested 7, available: 0'],
    [
      { CpuRealtimePeriod: 1000, CpuRealtimeRuntime: 2000 },
      'cpu real-time runtime cannot be higher than cpu real-time period',
    ],
    [{ BlkioWeight: 5 }, 'Range of blkio weight is from 10 to 1000'],
  ])('%j is refused with %j', (changes, message) => {
    expect(() => checked(changes)).toThrow(expect.objectContaining({ code: 'bad-request', message }))
  })

  it('sensible limits pass without a warning', () => {
    expect(checked({ Memory: 64 * mebibyte, NanoCpus: 5e8, CpusetCpus: '0-1', PidsLimit: 10 })).toEqual([])
  })

  it('what the kernel can not hold is warned of', () => {
    expect(checked({ BlkioWeight: 5 }, none)).toEqual([
      'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    ])
    expect(checked({ Memory: 64 * mebibyte }, { ...aHost.limits, swap: false })).toEqual([
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    ])
  })

  it('a weight of a device that can not be held is warned of, real time is refused', () => {
    expect(checked({ BlkioWeightDevice: [{ Path: '/dev/sda', Weight: 300 }] }, none)).toEqual([
      'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
    ])
    expect(() => checked({ CpuRealtimeRuntime: 100 }, none)).toThrow(
      'Your kernel does not support CPU real-time scheduler',
    )
  })

  it('an OOM killer that is off without a limit is warned of', () => {
    expect(checked({ OomKillDisable: true })).toEqual([
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    ])
  })
})

it.each([
  ['0-1,3', '0-3', true],
  ['', '0', true],
  ['4', '0-3', false],
])('the list %j is in %j: %s', (wanted, available, expected) => {
  expect(isAvailable(wanted, available)).toBe(expected)
})
