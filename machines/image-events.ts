/** The facts of an image's life, stream `image/<hex of its id>`. Recorded for ever: never rename one, a new meaning is a new event. */

/** What an image is. Enough to show it and to run it without looking at the disk. */
export interface ImageContent {
  /** `sha256:` and hex: the digest of the config's bytes. */
  readonly id: string
  /** Bytes of all its layers' files. */
  readonly size: number
  /** RFC 3339, as the config says. */
  readonly createdAt: string
  /** `sha256:` and hex of each layer's tar, the lowest first. */
  readonly diffIds: readonly string[]
  /** Names of the layer directories, the lowest first. */
  readonly layers: readonly string[]
  /** The config, parsed. */
  readonly config: unknown
}

/** A tag is in Docker's familiar form, `busybox:latest`. One that another image had is taken from it. */
export type ImageEvent =
  | ({ readonly type: 'ImageImported' } & ImageContent)
  /** Made of a container. */
  | ({ readonly type: 'ImageCommitted' } & ImageContent)
  /** Also when the image was here before; `tags` are those that the archive gave it. */
  | ({ readonly type: 'ImageLoaded'; readonly tags: readonly string[] } & ImageContent)
  | { readonly type: 'ImageTagged'; readonly tag: string }
  | { readonly type: 'ImageUntagged'; readonly tag: string }
  | { readonly type: 'ImageDeleted' }
