/** Writes the headers of tar archives: ustar, with pax records (POSIX.1-2001) for what does not fit. Names are binary strings, as in `TarEntry`. */
import { BLOCK, type EntryType, type TarEntry } from '../images/tar-header.ts'

const flags: Readonly<Record<EntryType, string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
}

const LARGEST_ID = 0o7777777
const LARGEST_SIZE = 0o77777777777
const SECOND = 1_000_000_000n

export type NewEntry = Omit<TarEntry, 'sparse'>

/** The blocks that come before an entry's data. Times are whole seconds, as Docker writes them. */
export function entryHeader(entry: NewEntry): Buffer {
  const records = recordsFor(entry)
  const own = header(entry, flags[entry.type])
  if (records.length === 0) return own
  const data = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)))
  const extension = {
    ...entry,
    name: extensionName(entry.name),
    linkName: '',
    size: data.length,
    mode: 0o644,
  }
  return Buffer.concat([header({ ...extension, uid: 0, gid: 0 }, 'x'), data, padding(data.length), own])
}

/** Fills up the last block of `size` bytes of data. */
export const padding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)

export const endOfArchive = (): Buffer => Buffer.alloc(2 * BLOCK)

function recordsFor({ name, linkName, size, uid, gid, modified, pax }: NewEntry): [string, string][] {
  const records: [string, string][] = [...pax]
  if (!fits(name)) records.push(['path', name])
  if (!fits(linkName)) records.push(['linkpath', linkName])
  if (size > LARGEST_SIZE) records.push(['size', String(size)])
  if (uid > LARGEST_ID) records.push(['uid', String(uid)])
  if (gid > LARGEST_ID) records.push(['gid', String(gid)])
  if (modified < 0n || seconds(modified) > LARGEST_SIZE) records.push(['mtime', String(seconds(modified))])
  return records
}

/** A name of 100 bytes of ASCII is in the header itself. */
const fits = (text: string): boolean => text.length <= 100 && /^[ -~]*$/.test(text)

const extensionName = (name: string): string => `PaxHeaders.0/${name.split('/').findLast(Boolean) ?? ''}`

function header(entry: NewEntry, flag: string): Buffer {
  const block = Buffer.alloc(BLOCK)
  block.write(entry.name.slice(0, 100), 0, 'latin1')
  octal(block, 100, 8, entry.mode)
  octal(block, 108, 8, entry.uid > LARGEST_ID ? 0 : entry.uid)
  octal(block, 116, 8, entry.gid > LARGEST_ID ? 0 : entry.gid)
  octal(block, 124, 12, entry.size > LARGEST_SIZE ? 0 : entry.size)
  octal(block, 136, 12, Math.min(Math.max(seconds(entry.modified), 0), LARGEST_SIZE))
  block.write(flag, 156, 'latin1')
  block.write(entry.linkName.slice(0, 100), 157, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  octal(block, 329, 8, entry.major)
  octal(block, 337, 8, entry.minor)
  return summed(block)
}

/** The sum counts its own field as blanks. */
function summed(block: Buffer): Buffer {
  block.fill(0x20, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function octal(block: Buffer, offset: number, length: number, value: number): void {
  block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1')
}

/** `length key=value\n`, where the length counts its own digits. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'utf8'), Buffer.from(`${value}\n`, 'latin1')])
  let length = rest.length + String(rest.length).length
  if (rest.length + String(length).length > length) length++
  return Buffer.concat([Buffer.from(String(length)), rest])
}

const seconds = (time: bigint): number => Number((time - (((time % SECOND) + SECOND) % SECOND)) / SECOND)
