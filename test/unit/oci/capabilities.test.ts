import { expect, test as it } from 'vitest'
import {
  allCapabilities,
  type CapabilityOptions,
  capabilities,
  capabilitySets,
  defaultCapabilities,
} from '../../../src/oci/capabilities.ts'

const nothing: CapabilityOptions = { CapAdd: null, CapDrop: null, Privileged: false }
const granted = (options: Partial<CapabilityOptions>, available = allCapabilities) =>
  capabilities({ ...nothing, ...options }, available).granted

it('a container gets the fourteen of Docker', () => {
  expect(granted({})).toEqual(defaultCapabilities)
  expect(defaultCapabilities).toHaveLength(14)
})

it('names work with and without CAP_, in any case', () => {
  expect(granted({ CapDrop: ['ALL'], CapAdd: ['net_admin', 'CAP_SYS_TIME'] })).toEqual([
    'CAP_NET_ADMIN',
    'CAP_SYS_TIME',
  ])
})

it('ALL can be added with exceptions', () => {
  const without = granted({ CapAdd: ['all'], CapDrop: ['SYS_ADMIN'] })
  expect(without).toHaveLength(allCapabilities.length - 1)
  expect(without).not.toContain('CAP_SYS_ADMIN')
})

it('a capability that is there already is not listed twice', () => {
  expect(granted({ CapAdd: ['CHOWN'] })).toEqual(defaultCapabilities)
})

it('a dropped one is gone', () => {
  expect(granted({ CapDrop: ['MKNOD'] })).not.toContain('CAP_MKNOD')
})

it('privileged is all that the daemon has, and the rest is told', () => {
  const available = allCapabilities.filter((name) => name !== 'CAP_SYS_RESOURCE')
  const result = capabilities({ ...nothing, Privileged: true }, available)
  expect(new Set(result.granted)).toEqual(new Set(available))
  expect(result.withheld).toEqual(['CAP_SYS_RESOURCE'])
})

it('an unknown name is refused in the words of Docker', () => {
  expect(() => granted({ CapAdd: ['FOO'] })).toThrow('invalid CapAdd: unknown capability: "CAP_FOO"')
  expect(() => granted({ CapDrop: ['cap_foo'] })).toThrow('invalid CapDrop: unknown capability: "CAP_FOO"')
})

it('only root has effective and permitted ones', () => {
  expect(capabilitySets(['CAP_KILL'], 1000)).toEqual({ bounding: ['CAP_KILL'] })
  expect(Object.keys(capabilitySets(['CAP_KILL'], 0))).toEqual(['bounding', 'effective', 'permitted'])
})
