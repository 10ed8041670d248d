/** Images as the engine and the API see them. Implemented by `store.ts` over the layer directories and the event store. */
import type { Readable } from 'node:stream'
import type { ContainerConfig } from '../../machines/spec.ts'
import type { Origin } from '../origin.ts'

/** The part of an image's config that containers inherit (`config` of the OCI image spec, Docker's names). */
export interface ImageConfig {
  readonly User?: string
  readonly Env?: readonly string[] | null
  readonly Cmd?: readonly string[] | null
  readonly Entrypoint?: readonly string[] | null
  readonly WorkingDir?: string
  readonly Labels?: Readonly<Record<string, string>> | null
  readonly StopSignal?: string
  readonly Volumes?: Readonly<Record<string, object>> | null
  readonly ExposedPorts?: Readonly<Record<string, object>> | null
  readonly [other: string]: unknown
}

export interface Image {
  /** `sha256:` + hex: digest of the config's bytes as they arrived. */
  readonly id: string
  readonly config: ImageConfig
  /** `repository:tag` each, in Docker's familiar form (`busybox:latest`). */
  readonly tags: readonly string[]
  /** `sha256:` + hex of each layer's tar, lowest first. */
  readonly diffIds: readonly string[]
  /** Names of the layer directories below `<data-root>/overlay2`, lowest first. */
  readonly layers: readonly string[]
  /** Bytes of all layers. */
  readonly size: number
  /** RFC 3339. */
  readonly createdAt: string
  readonly architecture: string
  readonly os: string
  readonly variant?: string
  readonly author: string
  readonly comment: string
  readonly dockerVersion: string
  readonly history: readonly ImageHistory[]
  /** The container that it was made of, and how that was configured. */
  readonly container?: string
  readonly containerConfig?: ImageConfig
}

export interface ImageHistory {
  readonly created?: string
  readonly created_by?: string
  readonly author?: string
  readonly comment?: string
  readonly empty_layer?: boolean
}

export interface Images {
  list(): readonly Image[]
  /** By `name`, `name:tag`, id or unique id prefix. @throws TallyError not-found `No such image: x`. */
  get(reference: string): Image
  find(reference: string): Image | undefined
  /**
   * One layer from a tar stream (plain, gzip, bzip2 or xz), as `docker import` does.
   * @returns the image's id. @throws TallyError bad-request for a broken archive.
   */
  import(archive: Readable, options: ImportOptions, origin: Origin): Promise<string>
  /** An image of a container. @returns its id and, if it got one, its name. @throws TallyError bad-request, not-found for the container's image */
  commit(layer: Readable | undefined, options: CommitOptions, origin: Origin): Promise<CommittedName>
  /** A docker-archive or OCI layout. @returns what `docker load` prints, one `Loaded image: x` or `Loaded image ID: x` each. */
  load(archive: Readable, origin: Origin): Promise<readonly string[]>
  tag(
    reference: string,
    target: { readonly repository: string; readonly tag: string },
    origin: Origin,
  ): Promise<void>
  /**
   * @param inUse ids of images that containers use, with a container id each and whether it runs.
   * @returns what Docker answers. @throws TallyError conflict in Docker's wording.
   */
  remove(reference: string, options: RemoveImageOptions, origin: Origin): Promise<readonly ImageDeletion[]>
}

export interface ImportOptions {
  readonly repository?: string
  readonly tag?: string
  readonly message?: string
  /** Dockerfile instructions: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR. */
  readonly changes: readonly string[]
}

export interface CommitOptions {
  /** The image that the container was made of. */
  readonly parentId: string
  readonly containerId: string
  readonly containerConfig: ContainerConfig
  /** What containers of the new image inherit. */
  readonly config: ImageConfig
  readonly repository?: string
  readonly tag?: string
  readonly author: string
  readonly comment: string
}

export interface CommittedName {
  readonly id: string
  /** Empty: it has none. */
  readonly reference: string
}

export interface RemoveImageOptions {
  readonly force: boolean
  readonly noPrune: boolean
  readonly usedBy: (imageId: string) => readonly { readonly containerId: string; readonly running: boolean }[]
}

export type ImageDeletion = { readonly Untagged: string } | { readonly Deleted: string }
