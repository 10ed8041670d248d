/**
 * Reads a tar archive from front to back.
 *
 *     const tar = new TarReader(new StreamBytes(chunks))
 *     for (let entry = await tar.next(); entry; entry = await tar.next())
 *       for (let part = await tar.read(); part; part = await tar.read()) write(part)
 */
import type { ByteSource } from './byte-source.ts'
import {
  BLOCK,
  entryOf,
  longName,
  number,
  type PaxRecords,
  paxRecords,
  type RawHeader,
  rawHeader,
  type Segment,
  segmentsOf,
  type TarEntry,
  TarError,
} from './tar-header.ts'

/** Long names, pax records and sparse maps are kept in memory: far above what any archiver writes. */
const MAX_EXTENSION = 4 * 1024 * 1024

export class TarReader {
  readonly #source: ByteSource
  /** Data of the present entry not yet read, and the padding after it. */
  #left = 0
  #padding = 0

  constructor(source: ByteSource) {
    this.#source = source
  }

  /** Where in the archive the next byte of data lies. */
  get position(): number {
    return this.#source.position
  }

  /** @returns undefined after the last one; then the archive has been read to its end. @throws TarError */
  async next(): Promise<TarEntry | undefined> {
    let extensions: PaxRecords = new Map()
    for (;;) {
      await this.#skipRest()
      const raw = await this.#header()
      if (raw === undefined) return await this.#finish()
      const extension = await this.#extension(raw)
      if (extension === undefined) return await this.#begin(entryOf(raw, extensions))
      extensions = new Map([...extensions, ...extension])
    }
  }

  /** @returns the next part of the entry's data, undefined at its end. It is valid until the next call. @throws TarError */
  async read(): Promise<Buffer | undefined> {
    if (this.#left === 0) return undefined
    const part = await this.#source.atMost(this.#left)
    if (part.length === 0) throw new TarError('unexpected EOF')
    this.#left -= part.length
    return part
  }

  async #begin(entry: TarEntry): Promise<TarEntry> {
    this.#expect(entry.size)
    if (entry.sparse === undefined || entry.sparse.segments !== undefined) return entry
    return { ...entry, sparse: { ...entry.sparse, segments: await this.#textMap() } }
  }

  #expect(size: number): void {
    this.#left = size
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK
  }

  async #skipRest(): Promise<void> {
    const rest = this.#left + this.#padding
    const skipped = await this.#source.skip(rest)
    if (skipped < this.#left) throw new TarError('unexpected EOF')
    this.#expect(0)
  }

  async #header(): Promise<RawHeader | undefined> {
    const block = await this.#source.exactly(BLOCK)
    if (block.length === 0) return undefined
    if (block.length < BLOCK) throw new TarError('unexpected EOF')
    const raw = rawHeader(block)
    return raw?.flag === 'S' ? await this.#oldSparse(raw, block) : raw
  }

  async #finish(): Promise<undefined> {
    await this.#source.drain()
    return undefined
  }

  /** @returns the records of a header that only says more about the next one; undefined for a real entry. */
  async #extension({ flag, size }: RawHeader): Promise<PaxRecords | undefined> {
    switch (flag) {
      case 'x':
        return paxRecords(await this.#whole(size))
      case 'L':
        return new Map([['path', longName(await this.#whole(size))]])
      case 'K':
        return new Map([['linkpath', longName(await this.#whole(size))]])
      case 'g': // Docker reads global records and applies none of them.
        await this.#whole(size)
        return new Map()
      default:
        return undefined
    }
  }

  async #whole(size: number): Promise<Buffer> {
    if (size > MAX_EXTENSION) throw new TarError('tar header too large')
    const data = await this.#source.exactly(size)
    if (data.length < size) throw new TarError('unexpected EOF')
    this.#expect(size)
    this.#left = 0
    return data
  }

  /** GNU's own sparse header: 4 pairs in the header, then blocks of 21 while a flag says that another follows. */
  async #oldSparse(raw: RawHeader, block: Buffer): Promise<RawHeader> {
    const numbers = pairsIn(block, 386, 4)
    let more = block[482] === 1
    while (more) {
      const next = await this.#source.exactly(BLOCK)
      if (next.length < BLOCK) throw new TarError('unexpected EOF')
      numbers.push(...pairsIn(next, 0, 21))
      if (numbers.length > MAX_EXTENSION / 8) throw new TarError('sparse map too large')
      more = next[504] === 1
    }
    return { ...raw, sparse: { size: number(block, 483, 12), segments: segmentsOf(numbers) } }
  }

  /** Sparse format 1.0: the count of pairs and the pairs, a line each, padded to a block. */
  async #textMap(): Promise<readonly Segment[]> {
    let text = ''
    for (;;) {
      const block = await this.#source.exactly(Math.min(BLOCK, this.#left))
      if (block.length < BLOCK || text.length > MAX_EXTENSION) throw new TarError('invalid sparse map')
      this.#left -= BLOCK
      text += block.toString('latin1')
      const [count = Number.NaN, ...numbers] = text.split('\n').slice(0, -1).map(Number)
      if (numbers.length >= count * 2) return segmentsOf(numbers.slice(0, count * 2))
    }
  }
}

function pairsIn(block: Buffer, offset: number, count: number): number[] {
  const used = Array.from({ length: count }, (_, index) => offset + index * 24).filter(
    (at) => block[at] !== 0,
  )
  return used.flatMap((at) => [number(block, at, 12), number(block, at + 12, 12)])
}
