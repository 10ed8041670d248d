import { describe, expect, test as it } from 'vitest'
import { deviceRules, devices } from '../../../src/oci/devices.ts'
import type { MappedDevice } from '../../../src/oci/facts.ts'

const device = { type: 'c', path: '/dev/mine', major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 } as const
const mapped: MappedDevice = { device, access: 'r' }

const rules = (DeviceCgroupRules: readonly string[] | null, all: readonly MappedDevice[] = []) =>
  deviceRules({ Privileged: false, DeviceCgroupRules }, all)

describe('A device', () => {
  it('that is mapped is made, and may be used as far as asked', () => {
    const start = { hostDevices: [], mappedDevices: [mapped] }
    expect(devices({ Privileged: false }, start)).toEqual([device])
    expect(rules(null, [mapped]).at(-1)).toEqual({ allow: true, type: 'c', major: 1, minor: 3, access: 'r' })
  })

  it('of the host comes with privilege; one mapped to the same place is there once', () => {
    const other = { ...device, path: '/dev/other' }
    const start = { hostDevices: [device], mappedDevices: [mapped, { ...mapped, device: other }] }
    expect(devices({ Privileged: true }, start)).toEqual([device, other])
    expect(deviceRules({ Privileged: true }, [mapped])).toEqual([{ allow: true, access: 'rwm' }])
  })
})

describe('A rule', () => {
  it('comes after the default ones, any number for a star', () => {
    expect(rules(['c 7:* rwm', 'b *:3 r', 'a *:* m']).slice(-3)).toEqual([
      { allow: true, type: 'c', major: 7, access: 'rwm' },
      { allow: true, type: 'b', minor: 3, access: 'r' },
      { allow: true, type: 'a', access: 'm' },
    ])
    expect(rules(null)[0]).toEqual({ allow: false, access: 'rwm' })
  })

  it.each(['nope', 'c 7 r', 'x 1:1 r', 'c 1:1 q', 'c 1:1 rwmr'])('%s fails the start', (rule) => {
    expect(() => rules([rule])).toThrow(
      expect.objectContaining({ exitCode: 128, message: `invalid device cgroup rule format: '${rule}'` }),
    )
  })
})
