/** What a user wants mounted: Binds, Mounts and Tmpfs of HostConfig, checked as Docker checks them and in the order in which they are mounted. */
import type { HostConfig, MountPoint } from '../../machines/spec.ts'
import { badRequest } from '../errors.ts'
import { parseBind } from './bind.ts'
import { cleanPath, isAbsolutePath } from './clean-path.ts'
import { checkDestination, propagationModes, type UserMount, type WantedVolume } from './user-mount.ts'
import { checkVolumeName } from './volume-name.ts'

export type MountOptions = Pick<HostConfig, 'Binds' | 'Mounts' | 'Tmpfs'>

/** Parents come before what is mounted inside them. @throws TallyError bad-request in Docker's wording. */
export function userMounts(options: MountOptions): readonly UserMount[] {
  return mountsAsAsked(options).toSorted((one, other) => depth(one.destination) - depth(other.destination))
}

/** The same in the order of the request, in which volumes are made. */
export function mountsAsAsked({ Binds, Mounts, Tmpfs }: MountOptions): readonly UserMount[] {
  const mounts = [
    ...(Binds ?? []).map(parseBind),
    ...Mounts.map(fromMountPoint),
    ...Object.entries(Tmpfs).map(([destination, options]) => fromTmpfs(destination, options)),
  ]
  refuseDuplicates(mounts)
  return mounts
}

function fromMountPoint(point: MountPoint): UserMount {
  const prefix = `invalid mount config for type "${point.Type}": `
  if (!point.Target) throw badRequest(`${prefix}field Target must not be empty`)
  const destination = checkDestination(point.Target, prefix)
  switch (point.Type) {
    case 'bind':
      return fromBindMount(point, { destination, prefix })
    case 'volume':
      return fromVolumeMount(point, { destination, prefix })
    case 'tmpfs':
      if (point.Source) throw badRequest(`${prefix}field Source must not be specified`)
      return { type: 'tmpfs', destination, options: tmpfsOptions(point) }
  }
}

function fromBindMount(
  { Source = '', ReadOnly = false, BindOptions, VolumeOptions }: MountPoint,
  { destination, prefix }: { readonly destination: string; readonly prefix: string },
): UserMount {
  if (VolumeOptions) throw badRequest(`${prefix}field VolumeOptions must not be specified`)
  const propagation = BindOptions?.Propagation || undefined
  if (Source === '') throw badRequest(`${prefix}field Source must not be empty`)
  if (!isAbsolutePath(Source))
    throw badRequest(`${prefix}invalid mount path: '${Source}' mount path must be absolute`)
  if (propagation !== undefined && !propagationModes.includes(propagation))
    throw badRequest(`${prefix}invalid propagation mode: ${propagation}`)
  const source = cleanPath(Source)
  return {
    ...{ type: 'bind', source, destination, propagation, createSource: false },
    ...{ writable: !ReadOnly, recursive: BindOptions?.NonRecursive !== true },
  }
}

function fromVolumeMount(
  { Source = '', ReadOnly = false, BindOptions, VolumeOptions }: MountPoint,
  { destination, prefix }: { readonly destination: string; readonly prefix: string },
): WantedVolume {
  if (BindOptions) throw badRequest(`${prefix}field BindOptions must not be specified`)
  if (Source !== '') checkVolumeName(Source)
  const { NoCopy, Labels, DriverConfig } = VolumeOptions ?? {}
  return {
    ...{ type: 'volume', name: Source, destination, writable: !ReadOnly, mode: 'z', copy: NoCopy !== true },
    driver: DriverConfig?.Name ?? '',
    labels: Labels ?? null,
    options: DriverConfig?.Options ?? null,
  }
}

function tmpfsOptions({ ReadOnly = false, TmpfsOptions = {} }: MountPoint): readonly string[] {
  const { Mode, SizeBytes } = TmpfsOptions
  return [
    ...(ReadOnly ? ['ro'] : []),
    ...(Mode ? [`mode=${Mode.toString(8)}`] : []),
    ...(SizeBytes ? [`size=${SizeBytes}`] : []),
  ]
}

function fromTmpfs(destination: string, options: string): UserMount {
  const clean = checkDestination(destination)
  return { type: 'tmpfs', destination: clean, options: options === '' ? [] : options.split(',') }
}

function refuseDuplicates(mounts: readonly UserMount[]): void {
  const seen = new Set<string>()
  for (const { destination } of mounts) {
    if (seen.has(destination)) throw badRequest(`Duplicate mount point: ${destination}`)
    seen.add(destination)
  }
}

const depth = (path: string): number => path.split('/').length
