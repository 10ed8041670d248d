import { describe, expect, it } from 'vitest'
import { endOfArchive, entryHeader, type NewEntry, padding } from '../../../src/archive/tar-writer.ts'
import { StreamBytes } from '../../../src/images/byte-source.ts'
import type { TarEntry } from '../../../src/images/tar-header.ts'
import { TarReader } from '../../../src/images/tar-reader.ts'

const plain: NewEntry = {
  type: 'file',
  name: 'dir/file',
  linkName: '',
  mode: 0o4755,
  uid: 1000,
  gid: 100,
  size: 0,
  modified: 1_700_000_000n * 1_000_000_000n,
  major: 0,
  minor: 0,
  pax: new Map(),
}

async function readBack(...blocks: readonly Buffer[]): Promise<readonly TarEntry[]> {
  const chunks = (async function* () {
    yield* [...blocks, endOfArchive()]
  })()
  const tar = new TarReader(new StreamBytes(chunks))
  const entries: TarEntry[] = []
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) entries.push(entry)
  return entries
}

const first = async (entry: NewEntry): Promise<TarEntry | undefined> =>
  (await readBack(entryHeader(entry)))[0]

describe('a header of a tar archive', () => {
  it('is one block if everything fits', () => {
    expect(entryHeader(plain)).toHaveLength(512)
  })

  it('says what the entry is', async () => {
    expect(await first(plain)).toMatchObject({ ...plain, pax: expect.anything() })
  })

  it.each([100, 101, 255, 256, 4000])('keeps a name of %i bytes', async (length) => {
    const name = 'n'.repeat(length)
    expect((await first({ ...plain, name }))?.name).toBe(name)
  })

  it('keeps a name that is no text', async () => {
    expect((await first({ ...plain, name: 'a\xff\xfe\nb' }))?.name).toBe('a\xff\xfe\nb')
  })

  it('keeps long targets of links', async () => {
    const linkName = `../${'t'.repeat(300)}`
    expect((await first({ ...plain, type: 'symlink', linkName }))?.linkName).toBe(linkName)
  })

  it('keeps ids that are larger than a header has room for', async () => {
    const ids = { uid: 4_000_000_000, gid: 2 ** 31 - 2 }
    expect(await first({ ...plain, ...ids })).toMatchObject(ids)
  })

  it('keeps a size above 8 GiB', () => {
    const size = 9 * 1024 ** 3
    expect(entryHeader({ ...plain, size }).toString('latin1')).toContain(`size=${size}\n`)
  })

  it('keeps a file capability byte by byte', async () => {
    const value = Buffer.from(Array.from({ length: 20 }, (_, index) => 255 - index)).toString('latin1')
    const pax = new Map([['SCHILY.xattr.security.capability', value]])
    expect((await first({ ...plain, pax }))?.pax.get('SCHILY.xattr.security.capability')).toBe(value)
  })

  it.each([95, 96, 97, 98, 99, 985, 986, 987, 988, 989])(
    'counts the digits of its own length in a record of about %i bytes',
    async (length) => {
      const name = 'é'.repeat(2) + 'n'.repeat(length)
      expect((await first({ ...plain, name }))?.name).toBe(name)
    },
  )

  it('keeps a time before 1970', async () => {
    expect((await first({ ...plain, modified: -5_000_000_000n }))?.modified).toBe(-5_000_000_000n)
  })

  it('keeps the numbers of a device', async () => {
    expect(await first({ ...plain, type: 'block', major: 259, minor: 70_000 })).toMatchObject({
      major: 259,
      minor: 70_000,
    })
  })

  it('leaves no rest of a block after data', async () => {
    const data = Buffer.alloc(700, 'x')
    const blocks = [entryHeader({ ...plain, size: 700 }), data, padding(700), entryHeader(plain)]
    expect((await readBack(...blocks)).map(({ size }) => size)).toEqual([700, 0])
  })
})
