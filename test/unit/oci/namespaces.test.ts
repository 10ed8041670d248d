import { describe, expect, test as it } from 'vitest'
import type { HostConfig } from '../../../machines/spec.ts'
import type { Joined } from '../../../src/oci/facts.ts'
import { joinedContainer, namespaces } from '../../../src/oci/namespaces.ts'

interface Changes extends Partial<HostConfig> {
  readonly cgroupVersion?: 1 | 2
  readonly joined?: Joined
}

const of = ({ cgroupVersion = 1, joined = {}, ...modes }: Changes) =>
  namespaces({ NetworkMode: 'none', ...modes }, { cgroupVersion, joined })

const types = (changes: Changes) => of(changes).map(({ type }) => type)

describe('Namespaces', () => {
  it('are all the container’s own by default, but for control groups v1', () => {
    expect(types({})).toEqual(['mount', 'network', 'uts', 'pid', 'ipc'])
    expect(types({ cgroupVersion: 2 })).toEqual(['mount', 'network', 'uts', 'pid', 'ipc', 'cgroup'])
  })

  it('are the host’s where that is asked for', () => {
    const host = { NetworkMode: 'host', UTSMode: 'host', PidMode: 'host', IpcMode: 'host' }
    expect(types(host)).toEqual(['mount'])
    expect(types({ CgroupnsMode: 'host', cgroupVersion: 2 })).not.toContain('cgroup')
  })

  it('of control groups are the container’s own where that is asked for', () => {
    expect(types({ CgroupnsMode: 'private' })).toContain('cgroup')
  })

  it('of ipc are the container’s own for none, private and shareable', () => {
    for (const IpcMode of ['none', 'private', 'shareable'])
      expect(of({ IpcMode })).toContainEqual({ type: 'ipc' })
  })

  it('of another container are joined by its process', () => {
    const modes = { PidMode: 'container:x', IpcMode: 'container:y' }
    expect(of({ ...modes, joined: { pid: 7, ipc: 8 } })).toEqual([
      { type: 'mount' },
      { type: 'network' },
      { type: 'uts' },
      { type: 'pid', path: '/proc/7/ns/pid' },
      { type: 'ipc', path: '/proc/8/ns/ipc' },
    ])
  })
})

it('A mode names the container that is joined, or none', () => {
  expect(['container:x', 'container:', 'host', '', undefined].map(joinedContainer)).toEqual([
    'x',
    '',
    undefined,
    undefined,
    undefined,
  ])
})
