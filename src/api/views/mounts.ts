/** `Mounts` of inspect and list: what is mounted into a container, besides the files of its own. */
import type { HostConfig, MountPoint } from '../../../machines/spec.ts'
import { parseBind } from '../../oci/bind.ts'
import { cleanPath } from '../../oci/clean-path.ts'

export interface MountView {
  readonly Type: 'bind' | 'tmpfs'
  readonly Source: string
  readonly Destination: string
  readonly Mode: string
  readonly RW: boolean
  readonly Propagation: string
}

/** `--tmpfs` is not among them, as in Docker. */
export function mountViews({ Binds, Mounts }: Pick<HostConfig, 'Binds' | 'Mounts'>): readonly MountView[] {
  return [...(Binds ?? []).flatMap(ofBind), ...Mounts.map(ofMountPoint)]
}

function ofBind(text: string): readonly MountView[] {
  const mount = parseBind(text)
  if (mount.type !== 'bind') return []
  const { source, destination, writable, propagation = 'rprivate' } = mount
  const [, , Mode = ''] = text.split(':')
  const Propagation = propagation
  return [{ Type: 'bind', Source: source, Destination: destination, Mode, RW: writable, Propagation }]
}

function ofMountPoint({ Type, Source, Target, ReadOnly, BindOptions }: MountPoint): MountView {
  const isBind = Type === 'bind'
  return {
    Type,
    Source: isBind ? cleanPath(Source ?? '') : '',
    Destination: cleanPath(Target),
    Mode: '',
    RW: ReadOnly !== true,
    Propagation: isBind ? BindOptions?.Propagation || 'rprivate' : '',
  }
}
