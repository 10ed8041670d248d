/** One string of HostConfig.VolumesFrom, and what it takes over. */
import type { ContainerSpec, ResolvedMount } from '../../machines/spec.ts'
import { badRequest } from '../errors.ts'
import { userMounts } from './mount-points.ts'

export interface VolumesFrom {
  /** Of the other container. */
  readonly ref: string
  readonly writable: boolean
}

/** @throws TallyError bad-request `invalid mode: x` */
export function parseVolumesFrom(text: string): VolumesFrom {
  const at = text.indexOf(':')
  const [ref, mode] = at < 0 ? [text, 'rw'] : [text.slice(0, at), text.slice(at + 1)]
  if (ref === '') throw badRequest('malformed volumes-from specification: missing container')
  if (!['rw', 'ro', 'z', 'Z'].includes(mode)) throw badRequest(`invalid mode: ${mode}`)
  return { ref, writable: mode !== 'ro' }
}

/** What is mounted in a container, for another one: all but `--tmpfs`, as in Docker. */
export function takenOver(
  { hostConfig, mounts = [] }: Pick<ContainerSpec, 'hostConfig' | 'mounts'>,
  writable: boolean,
): readonly ResolvedMount[] {
  const own = userMounts({ ...hostConfig, Tmpfs: {} }).flatMap((mount): readonly ResolvedMount[] => {
    if (mount.type === 'volume') return []
    if (mount.type === 'tmpfs') return [mount]
    const { type, source, destination, propagation } = mount
    return [{ type, source, destination, writable: mount.writable, ...(propagation && { propagation }) }]
  })
  return [...own, ...mounts].map((mount) => limited(mount, writable))
}

function limited(mount: ResolvedMount, writable: boolean): ResolvedMount {
  switch (mount.type) {
    case 'tmpfs':
      return writable ? mount : { ...mount, options: [...mount.options, 'ro'] }
    case 'bind':
      return { ...mount, writable: mount.writable && writable }
    case 'volume':
      return { ...mount, writable: mount.writable && writable, mode: '' }
  }
}
