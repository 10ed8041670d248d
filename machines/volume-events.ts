/** The facts of a volume's life, stream `volume/<name>`, and of volumes as a whole, stream `volumes`. Recorded for ever: never rename one. */

/** What a volume is, beside the files in it. */
export interface VolumeContent {
  readonly name: string
  readonly labels: Readonly<Record<string, string>> | null
  /** Of the local driver: `type`, `o` and `device`, as the client wrote them. */
  readonly options: Readonly<Record<string, string>> | null
  /** RFC 3339. */
  readonly createdAt: string
  /** The container that it was made for without a name of its own. */
  readonly anonymousOf?: string
}

/** A name that was removed may be given again: the stream then goes on. */
export type VolumeEvent =
  | ({ readonly type: 'VolumeCreated' } & VolumeContent)
  /** Somebody asked for a volume of a name that there is; changes nothing. */
  | { readonly type: 'VolumeAskedFor' }
  /** Its files are deleted after this. */
  | { readonly type: 'VolumeRemoved' }

/** Of the stream `volumes`. */
export type VolumesEvent = { readonly type: 'VolumesPruned'; readonly reclaimed: number }
