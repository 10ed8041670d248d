/** `Mounts` of inspect and list: what is mounted into a container, besides the files of its own. */
import type { ContainerSpec, MountPoint, ResolvedMount } from '../../../machines/spec.ts'
import { parseBind } from '../../oci/bind.ts'
import { cleanPath } from '../../oci/clean-path.ts'
import { type Roots, volumeDataPath } from '../../paths.ts'

export interface MountView {
  readonly Type: 'bind' | 'tmpfs' | 'volume'
  /** Of a volume. */
  readonly Name?: string
  readonly Source: string
  readonly Destination: string
  readonly Driver?: string
  readonly Mode: string
  readonly RW: boolean
  readonly Propagation: string
}

/** `--tmpfs` is not among them, as in Docker. */
export function mountViews(
  roots: Pick<Roots, 'dataRoot'>,
  { hostConfig, mounts = [] }: Pick<ContainerSpec, 'hostConfig' | 'mounts'>,
): readonly MountView[] {
  const { Binds, Mounts } = hostConfig
  return [
    ...(Binds ?? []).flatMap(ofBind),
    ...Mounts.flatMap(ofMountPoint),
    ...mounts.map((mount) => ofResolved(roots, mount)),
  ]
}

function ofBind(text: string): readonly MountView[] {
  const mount = parseBind(text)
  if (mount.type !== 'bind') return []
  const { source, destination, writable, propagation = 'rprivate' } = mount
  const [, , Mode = ''] = text.split(':')
  const Propagation = propagation
  return [{ Type: 'bind', Source: source, Destination: destination, Mode, RW: writable, Propagation }]
}

function ofMountPoint({ Type, Source, Target, ReadOnly, BindOptions }: MountPoint): readonly MountView[] {
  if (Type === 'volume') return []
  const isBind = Type === 'bind'
  const view = {
    Type,
    Source: isBind ? cleanPath(Source ?? '') : '',
    Destination: cleanPath(Target),
    Mode: '',
    RW: ReadOnly !== true,
    Propagation: isBind ? BindOptions?.Propagation || 'rprivate' : '',
  }
  return [view]
}

function ofResolved(roots: Pick<Roots, 'dataRoot'>, mount: ResolvedMount): MountView {
  const { destination: Destination } = mount
  switch (mount.type) {
    case 'volume': {
      const { name: Name, mode: Mode, writable: RW } = mount
      const Source = volumeDataPath(roots, Name)
      return { Type: 'volume', Name, Source, Destination, Driver: 'local', Mode, RW, Propagation: '' }
    }
    case 'bind': {
      const { source: Source, writable: RW, propagation: Propagation = 'rprivate' } = mount
      return { Type: 'bind', Source, Destination, Mode: '', RW, Propagation }
    }
    case 'tmpfs': {
      const RW = !mount.options.includes('ro')
      return { Type: 'tmpfs', Source: '', Destination, Mode: '', RW, Propagation: '' }
    }
  }
}
