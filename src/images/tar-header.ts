/**
 * Headers of tar archives: ustar (POSIX.1-1988), pax (POSIX.1-2001) and GNU's. Written here and not taken from tar-stream, because that one
 * reads pax records as UTF-8 text, which destroys binary ones: `security.capability` of any file with a capability bit above 7 in a byte.
 *
 * Names and links are binary strings, one character a byte (`latin1`), so that no file name is lost either.
 */

export const BLOCK = 512
const NEWLINE = 0x0a

export type EntryType = 'file' | 'link' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo'

export interface TarEntry {
  readonly type: EntryType
  readonly name: string
  readonly linkName: string
  /** Permission bits, set-uid, set-gid and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes that follow in the archive; a sparse file is larger. */
  readonly size: number
  /** Nanoseconds since 1970. */
  readonly modified: bigint
  readonly major: number
  readonly minor: number
  readonly pax: PaxRecords
  readonly sparse?: Sparse
}

/** Values are binary strings. */
export type PaxRecords = ReadonlyMap<string, string>

/** Where the data of a file with holes belongs. */
export interface Sparse {
  /** Of the file once written. */
  readonly size: number
  /** Undefined: a map as text comes before the data (pax sparse format 1.0). */
  readonly segments: readonly Segment[] | undefined
}

export interface Segment {
  readonly offset: number
  readonly length: number
}

/** A header block as it stands, before pax records and long names are applied. */
export interface RawHeader extends Omit<TarEntry, 'type' | 'pax'> {
  /** One character. */
  readonly flag: string
}

export class TarError extends Error {
  override readonly name = 'TarError'
}

const types: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
}

/** @returns undefined for a block of zeros. @throws TarError */
export function rawHeader(block: Buffer): RawHeader | undefined {
  const sum = checksum(block)
  if (sum === 8 * 0x20 && block.every((byte) => byte === 0)) return undefined
  if (number(block, 148, 8) !== sum) throw new TarError('archive/tar: invalid tar header')
  const name = text(block, 0, 100)
  const prefix = isPosix(block) ? text(block, 345, 155) : ''
  return {
    flag: String.fromCharCode(block[156] ?? 0),
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    mode: number(block, 100, 8) & 0o7777,
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    modified: BigInt(number(block, 136, 12)) * 1_000_000_000n,
    major: hasDevice(block) ? number(block, 329, 8) : 0,
    minor: hasDevice(block) ? number(block, 337, 8) : 0,
  }
}

/** Puts together what the header and the records before it say. @throws TarError */
export function entryOf(raw: RawHeader, pax: PaxRecords): TarEntry {
  const { flag, ...fields } = raw
  const name = pax.get('GNU.sparse.name') ?? pax.get('path') ?? raw.name
  const sparse = raw.sparse ?? paxSparse(pax)
  return checked({
    ...fields,
    type: typeOf(flag, name),
    name,
    linkName: pax.get('linkpath') ?? raw.linkName,
    uid: decimal(pax, 'uid') ?? raw.uid,
    gid: decimal(pax, 'gid') ?? raw.gid,
    size: decimal(pax, 'size') ?? raw.size,
    modified: paxTime(pax.get('mtime')) ?? raw.modified,
    pax,
    ...(sparse && { sparse }),
  })
}

/** Records are `length key=value\n`. @throws TarError */
export function paxRecords(data: Buffer): PaxRecords {
  const records = new Map<string, string>()
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at)
    const length = Number(data.toString('latin1', at, space))
    const equals = data.indexOf(0x3d, space)
    const end = at + length
    if (space < 0 || !Number.isInteger(length) || equals < 0 || equals >= end || data[end - 1] !== NEWLINE)
      throw new TarError('invalid pax header')
    addRecord(records, data.toString('utf8', space + 1, equals), data.toString('latin1', equals + 1, end - 1))
    at = end
  }
  return records
}

/** A name as a block of its own (GNU types L and K). */
export function longName(data: Buffer): string {
  return text(data, 0, data.length)
}

/** An octal number, or a binary one where the first bit is set (GNU). @throws TarError */
export function number(block: Buffer, offset: number, length: number): number {
  const field = block.subarray(offset, offset + length)
  if (((field[0] ?? 0) & 0x80) !== 0) return binary(field)
  const digits = field.toString('latin1').replace(/\0.*$/s, '').trim()
  if (!/^[0-7]*$/.test(digits)) throw new TarError('archive/tar: invalid tar header')
  return Number.parseInt(digits || '0', 8)
}

/** The pairs of a sparse 0.0 file repeat their keys: they are gathered into the one record of 0.1. */
function addRecord(records: Map<string, string>, key: string, value: string): void {
  if (key !== 'GNU.sparse.offset' && key !== 'GNU.sparse.numbytes') {
    records.set(key, value)
    return
  }
  const before = records.get('GNU.sparse.map')
  records.set('GNU.sparse.map', before === undefined ? value : `${before},${value}`)
}

function checked(entry: TarEntry): TarEntry {
  if (entry.name === '' || `${entry.name}${entry.linkName}`.includes('\0'))
    throw new TarError('archive/tar: invalid tar header')
  if (!Number.isSafeInteger(entry.size) || entry.size < 0)
    throw new TarError('archive/tar: invalid tar header')
  const bodyless = entry.type !== 'file' && entry.type !== 'directory'
  return bodyless ? { ...entry, size: 0 } : entry
}

function typeOf(flag: string, name: string): EntryType {
  const type = types[flag]
  if (type === undefined) throw new TarError(`unhandled tar header type ${flag.charCodeAt(0)}`)
  return type === 'file' && name.endsWith('/') ? 'directory' : type
}

function paxSparse(pax: PaxRecords): Sparse | undefined {
  if (pax.get('GNU.sparse.major') === '1')
    return { size: decimal(pax, 'GNU.sparse.realsize') ?? 0, segments: undefined }
  const map = pax.get('GNU.sparse.map')
  if (map === undefined) return undefined
  return { size: decimal(pax, 'GNU.sparse.size') ?? 0, segments: segmentsOf(map.split(',').map(Number)) }
}

/** Pairs of offset and length. @throws TarError */
export function segmentsOf(numbers: readonly number[]): readonly Segment[] {
  if (numbers.length % 2 !== 0 || numbers.some((each) => !Number.isSafeInteger(each) || each < 0))
    throw new TarError('invalid sparse map')
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offset: numbers[index * 2] ?? 0,
    length: numbers[index * 2 + 1] ?? 0,
  }))
}

function decimal(pax: PaxRecords, key: string): number | undefined {
  const value = pax.get(key)
  if (value === undefined) return undefined
  if (!/^\d+$/.test(value)) throw new TarError(`invalid pax record ${key}`)
  return Number(value)
}

function paxTime(value: string | undefined): bigint | undefined {
  if (value === undefined) return undefined
  const [, sign, seconds, fraction = ''] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(value) ?? []
  if (seconds === undefined) throw new TarError('invalid pax record mtime')
  const nanoseconds = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
  return sign === '-' ? -nanoseconds : nanoseconds
}

function binary(field: Buffer): number {
  const negative = (field[0] ?? 0) & 0x40
  const bytes = negative ? field : Buffer.from([(field[0] ?? 0) & 0x7f, ...field.subarray(1)])
  const value = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`))
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER))
    throw new TarError('archive/tar: invalid tar header')
  return Number(value)
}

function checksum(block: Buffer): number {
  let sum = 8 * 0x20
  for (let index = 0; index < BLOCK; index++) sum += index >= 148 && index < 156 ? 0 : (block[index] ?? 0)
  return sum
}

const isPosix = (block: Buffer): boolean => block.toString('latin1', 257, 263) === 'ustar\0'
const hasDevice = (block: Buffer): boolean => block.toString('latin1', 257, 262) === 'ustar'

function text(data: Buffer, offset: number, length: number): string {
  const end = data.indexOf(0, offset)
  return data.toString('latin1', offset, end < 0 ? offset + length : Math.min(end, offset + length))
}
