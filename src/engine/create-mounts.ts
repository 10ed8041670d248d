/** What a new container's volumes are: those that it asks for, those of its image, those of other containers. Volumes that are not there are made. */
import type { ContainerConfig, ContainerSpec, HostConfig, ResolvedMount } from '../../machines/spec.ts'
import { mountsAsAsked } from '../oci/mount-points.ts'
import { checkDestination, type WantedVolume } from '../oci/user-mount.ts'
import { parseVolumesFrom, takenOver } from '../oci/volumes-from.ts'
import type { VolumeFill } from '../volumes/content.ts'
import type { VolumeHold } from '../volumes/port.ts'
import { boundDirectory } from '../volumes/request.ts'

export interface MountPorts {
  readonly hold: VolumeHold
  /** The container that is meant. @throws TallyError not-found */
  readonly specOf: (ref: string) => ContainerSpec
}

export interface CreatedMounts {
  readonly mounts: readonly ResolvedMount[]
  /** Volumes that get the image's content if they are empty. */
  readonly fills: readonly VolumeFill[]
}

interface Wanted {
  readonly config: Pick<ContainerConfig, 'Volumes'>
  readonly hostConfig: HostConfig
}

/** In Docker's order: other containers', the client's, which hide those, and the image's where nothing else is mounted. */
export async function createMounts(
  { hold, specOf }: MountPorts,
  { config, hostConfig }: Wanted,
): Promise<CreatedMounts> {
  const asked = mountsAsAsked(hostConfig)
  const own = new Set(asked.map(({ destination }) => destination))
  const inherited = inheritedMounts(hostConfig, specOf).filter(({ destination }) => !own.has(destination))
  const taken = new Set([...own, ...inherited.map(({ destination }) => destination)])
  const volumes = asked.filter((mount) => mount.type === 'volume')
  const wanted = [...volumes, ...declaredVolumes(config, taken)]
  for (const mount of inherited) if (mount.type === 'volume') hold.keep(mount.name)
  const made: ResolvedVolume[] = []
  for (const volume of wanted) made.push(await obtain(hold, volume, hostConfig.VolumeDriver ?? ''))
  const copied = made.filter((_, index) => wanted[index]?.copy === true)
  return { mounts: [...inherited, ...made.map(({ mount }) => mount)], fills: copied.flatMap(fillOf) }
}

type VolumeMount = Extract<ResolvedMount, { type: 'volume' }>

interface ResolvedVolume {
  readonly mount: VolumeMount
  /** The host's directory behind it is not to be written. */
  readonly readOnly: boolean
}

/** Of two at the same place the later one holds. */
function inheritedMounts(
  { VolumesFrom }: HostConfig,
  specOf: (ref: string) => ContainerSpec,
): readonly ResolvedMount[] {
  const all = (VolumesFrom ?? []).flatMap((text) => {
    const { ref, writable } = parseVolumesFrom(text)
    return takenOver(specOf(ref), writable)
  })
  return [...new Map(all.map((mount) => [mount.destination, mount])).values()]
}

/** The image's and `-v /path`. */
function declaredVolumes(
  { Volumes }: Pick<ContainerConfig, 'Volumes'>,
  taken: ReadonlySet<string>,
): readonly WantedVolume[] {
  const places = new Set(Object.keys(Volumes ?? {}).map(placeOf))
  return [...places]
    .filter((destination) => !taken.has(destination))
    .map((destination) => ({
      ...{ type: 'volume', name: '', destination, writable: true, mode: '', copy: true },
      ...{ labels: null, options: null },
    }))
}

const placeOf = (path: string): string => checkDestination(path.startsWith('/') ? path : `/${path}`)

async function obtain(
  hold: VolumeHold,
  wanted: WantedVolume,
  defaultDriver: string,
): Promise<ResolvedVolume> {
  const { name, destination, mode, labels, options, driver = defaultDriver } = wanted
  const volume = await hold.obtain({ name, driver, labels, options })
  const { device, readOnly } = boundDirectory(volume.options)
  const writable = wanted.writable && !readOnly
  const named = name !== ''
  const mount: VolumeMount = { type: 'volume', name: volume.name, destination, writable, mode, named }
  return { mount: device === undefined ? mount : { ...mount, device }, readOnly }
}

function fillOf({ mount, readOnly }: ResolvedVolume): readonly VolumeFill[] {
  if (readOnly) return []
  const { name, destination, named, device } = mount
  return [{ name, destination, named, ...(device !== undefined && { device }) }]
}
