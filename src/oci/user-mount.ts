/** One mount that a user asked for, whichever of Docker's three ways it was asked in. */
import { badRequest } from '../errors.ts'
import { cleanPath, isAbsolutePath } from './clean-path.ts'

export type UserMount =
  | {
      readonly type: 'bind'
      readonly source: string
      readonly destination: string
      readonly writable: boolean
      /** Undefined: not asked for. */
      readonly propagation: string | undefined
      /** Docker makes the missing source of a `-v` on the host, but not that of a `--mount`. */
      readonly createSource: boolean
      /** False: without the mounts below the source. */
      readonly recursive: boolean
    }
  | { readonly type: 'tmpfs'; readonly destination: string; readonly options: readonly string[] }
  | WantedVolume

/** A volume that a container is to have; it becomes a `ResolvedMount` when the container is created. */
export interface WantedVolume {
  readonly type: 'volume'
  /** Empty: one without a name. */
  readonly name: string
  readonly destination: string
  readonly writable: boolean
  /** As inspect shows it. */
  readonly mode: string
  /** What the image has there becomes the content of an empty volume. */
  readonly copy: boolean
  /** Undefined: the container's VolumeDriver. */
  readonly driver?: string
  readonly labels: Readonly<Record<string, string>> | null
  readonly options: Readonly<Record<string, string>> | null
}

export const propagationModes = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']

/** @throws TallyError bad-request `invalid mount path: 'x' mount path must be absolute` */
export function checkDestination(destination: string, prefix = ''): string {
  const clean = cleanPath(destination)
  if (clean === '/') throw badRequest(`${prefix}invalid specification: destination can't be '/'`)
  if (!isAbsolutePath(destination))
    throw badRequest(`${prefix}invalid mount path: '${destination}' mount path must be absolute`)
  return clean
}
