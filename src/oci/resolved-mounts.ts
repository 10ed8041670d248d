/** All that is mounted into a container beside the engine's own: what its HostConfig says, its volumes, and what it took over from others. */
import type { ContainerSpec, ResolvedMount } from '../../machines/spec.ts'
import { volumeDataPath } from '../paths.ts'
import { userMounts } from './mount-points.ts'
import type { UserMount } from './user-mount.ts'

export type PlainMount = Exclude<UserMount, { type: 'volume' }>

/** Parents come before what is mounted inside them. */
export function plainMounts(
  { hostConfig, mounts = [] }: Pick<ContainerSpec, 'hostConfig' | 'mounts'>,
  dataRoot: string,
): readonly PlainMount[] {
  const own = userMounts(hostConfig).filter((mount) => mount.type !== 'volume')
  const resolved = mounts.map((mount) => plainMount(mount, dataRoot))
  return [...own, ...resolved].toSorted((one, other) => depth(one) - depth(other))
}

/** Of a volume the directory, which takes no part in the propagation of mounts. */
function plainMount(mount: ResolvedMount, dataRoot: string): PlainMount {
  const { destination } = mount
  switch (mount.type) {
    case 'tmpfs':
      return { type: 'tmpfs', destination, options: mount.options }
    case 'bind': {
      const { source, writable, propagation } = mount
      const { recursive = true } = mount
      return { type: 'bind', source, destination, writable, propagation, createSource: true, recursive }
    }
    case 'volume': {
      const { name, device, writable } = mount
      const source = device ?? volumeDataPath({ dataRoot }, name)
      return {
        type: 'bind',
        source,
        destination,
        writable,
        propagation: 'rprivate',
        createSource: device === undefined,
        recursive: true,
      }
    }
  }
}

const depth = ({ destination }: PlainMount): number => destination.split('/').length
