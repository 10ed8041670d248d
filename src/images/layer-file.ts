/** A regular file of a layer while its data arrives. Synchronous: for a worker thread. */
import { closeSync, constants, ftruncateSync, writeSync } from 'node:fs'
import { openConfined } from '../kernel/at.ts'
import type { Place } from './confined-root.ts'
import { applyMetadata } from './entry-metadata.ts'
import { type Segment, type TarEntry, TarError } from './tar-header.ts'

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

export class LayerFile {
  readonly #fd: number
  readonly #place: Place
  readonly #entry: TarEntry
  /** Where data goes, next segment first. */
  readonly #segments: readonly Segment[]
  #segment = 0
  #written = 0

  /** @throws SyscallError EEXIST if there is anything at `place`. */
  constructor(place: Place, entry: TarEntry) {
    const options = { scope: 'beneath', followLinks: false, flags: NEW_FILE, mode: 0o600 } as const
    this.#fd = openConfined(place.directory, place.name, options)
    this.#place = place
    this.#entry = entry
    this.#segments = entry.sparse?.segments ?? [{ offset: 0, length: entry.size }]
  }

  /** @throws TarError for more data than a sparse map has room for. */
  write(data: Buffer): void {
    for (let rest = data; rest.length > 0; ) rest = rest.subarray(this.#writeSome(rest))
  }

  /** Gives the file its length, owner, mode and times. */
  finish(): void {
    if (this.#entry.sparse !== undefined) ftruncateSync(this.#fd, this.#entry.sparse.size)
    applyMetadata(this.#place, this.#entry)
  }

  close(): void {
    closeSync(this.#fd)
  }

  #writeSome(data: Buffer): number {
    const segment = this.#segments[this.#segment]
    if (segment === undefined) throw new TarError('invalid sparse map')
    const room = segment.length - this.#written
    if (room === 0) {
      this.#segment++
      this.#written = 0
      return 0
    }
    const length = writeSync(this.#fd, data, 0, Math.min(room, data.length), segment.offset + this.#written)
    this.#written += length
    return length
  }
}
