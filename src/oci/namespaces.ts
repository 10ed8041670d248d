/** Which namespaces a container has of its own, which it shares with the host and which it joins, namespaces(7). */
import type { HostConfig } from '../../machines/spec.ts'
import type { HostFacts, Joined } from './facts.ts'
import type { Namespace } from './runtime-spec.ts'

export interface NamespaceFacts {
  readonly cgroupVersion: HostFacts['cgroupVersion']
  readonly joined: Joined
}

type Modes = Pick<HostConfig, 'NetworkMode' | 'UTSMode' | 'PidMode' | 'IpcMode' | 'CgroupnsMode'>

/** Without a namespace of a kind the process stays in the runtime's, which is the host's. */
export function namespaces(modes: Modes, { cgroupVersion, joined }: NamespaceFacts): readonly Namespace[] {
  return [
    { type: 'mount' },
    ...own('network', hasOwnNetwork(modes.NetworkMode)),
    ...own('uts', modes.UTSMode !== 'host'),
    ...own('pid', modes.PidMode !== 'host', joined.pid),
    ...own('ipc', modes.IpcMode !== 'host', joined.ipc),
    ...own('cgroup', hasOwnCgroups(modes, cgroupVersion)),
  ]
}

export const hasOwnNetwork = (networkMode: string): boolean => networkMode !== 'host'

/** The reference after `container:`; undefined for all other modes. */
export function joinedContainer(mode: string | undefined): string | undefined {
  const prefix = 'container:'
  return mode?.startsWith(prefix) ? mode.slice(prefix.length) : undefined
}

function own(type: Namespace['type'], wanted: boolean, pid?: number): readonly Namespace[] {
  if (!wanted) return []
  return [pid === undefined ? { type } : { type, path: `/proc/${pid}/ns/${type}` }]
}

/** Docker's default: the host's with control groups v1, an own one with v2. */
function hasOwnCgroups({ CgroupnsMode }: Modes, version: 1 | 2): boolean {
  return CgroupnsMode === 'private' || (!CgroupnsMode && version === 2)
}
