/** Keeps an archive from filling the disk to the last byte: the daemon's log needs room to say that it is full. */
import { statfsSync } from 'node:fs'
import { TallyError } from '../errors.ts'

const RESERVE = 64 * 1024 * 1024
/** Bytes between two looks at the file system. */
const STEP = 32 * 1024 * 1024

export class DiskRoom {
  readonly #directory: string
  #untilNextLook = 0

  /** @param directory any of the file system that is written to. */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** To be called before `bytes` are written. @throws TallyError internal, Docker's words for a full disk. */
  take(bytes: number): void {
    this.#untilNextLook -= bytes
    if (this.#untilNextLook > 0) return
    const { bavail, bsize } = statfsSync(this.#directory)
    if (bavail * bsize < RESERVE + bytes) throw new TallyError('internal', 'no space left on device')
    this.#untilNextLook = STEP
  }
}
