import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StreamBytes } from '../../../src/images/byte-source.ts'
import { type TarEntry, TarError } from '../../../src/images/tar-header.ts'
import { TarReader } from '../../../src/images/tar-reader.ts'
import { directory, file, type Member, symlink, tar } from '../../fixtures/images/tar-builder.ts'

type Read = TarEntry & { readonly data: Buffer }

/** @param chunk sizes of the pieces in which the archive arrives. */
async function readAll(archive: Buffer, chunk = archive.length): Promise<readonly Read[]> {
  const pieces = Array.from({ length: Math.ceil(archive.length / chunk) }, (_, index) =>
    archive.subarray(index * chunk, (index + 1) * chunk),
  )
  const reader = new TarReader(new StreamBytes(Readable.from(pieces)))
  const found: Read[] = []
  for (let entry = await reader.next(); entry !== undefined; entry = await reader.next()) {
    const parts: Buffer[] = []
    for (let part = await reader.read(); part !== undefined; part = await reader.read())
      parts.push(Buffer.from(part))
    found.push({ ...entry, data: Buffer.concat(parts) })
  }
  return found
}

const longHeader = (flag: string, text: string): Member => ({
  name: '././@LongLink',
  flag,
  data: `${text}\0`,
})

describe('reading a tar', () => {
  it('gives every entry and all its data, however the bytes arrive', async () => {
    const archive = tar(
      directory('a'),
      file('a/b', 'x'.repeat(1500), { mode: 0o4755, uid: 7, mtime: 12 }),
      symlink('l', 'a'),
    )
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2000 }), async (chunk) => {
        const [first, second, third] = await readAll(archive, chunk)
        expect(first).toMatchObject({ type: 'directory', name: 'a' })
        expect(second).toMatchObject({
          type: 'file',
          mode: 0o4755,
          uid: 7,
          size: 1500,
          modified: 12_000_000_000n,
        })
        expect(second?.data.toString()).toBe('x'.repeat(1500))
        expect(third).toMatchObject({ type: 'symlink', linkName: 'a' })
      }),
      { numRuns: 40 },
    )
  })

  it('skips data that nobody reads', async () => {
    const reader = new TarReader(new StreamBytes(Readable.from([tar(file('a', 'x'.repeat(700)), file('b'))])))
    expect((await reader.next())?.name).toBe('a')
    expect((await reader.next())?.name).toBe('b')
    expect(await reader.next()).toBeUndefined()
  })

  it('keeps names that are not UTF-8 byte for byte', async () => {
    const [entry] = await readAll(tar(file('caf\xe9')))
    expect(Buffer.from(entry?.name ?? '', 'latin1')).toEqual(Buffer.from([0x63, 0x61, 0x66, 0xe9]))
  })

  it('keeps binary pax values byte for byte', async () => {
    const value = Buffer.from([0x01, 0x00, 0x80, 0xff, 0x0a, 0x3d])
    const [entry] = await readAll(tar(file('f', '', { pax: { 'SCHILY.xattr.security.capability': value } })))
    const read = entry?.pax.get('SCHILY.xattr.security.capability') ?? ''
    expect(Buffer.from(read, 'latin1')).toEqual(value)
  })

  it('takes name, owner, size and time from pax records', async () => {
    const pax = { path: 'n'.repeat(300), uid: '3000000000', mtime: '-1.5', size: '3' }
    const [entry] = await readAll(tar(file('short', 'abc', { pax })))
    expect(entry).toMatchObject({ name: pax.path, uid: 3_000_000_000, modified: -1_500_000_000n, size: 3 })
  })

  it('takes long names and links from GNU headers', async () => {
    const archive = tar(longHeader('L', 'n'.repeat(200)), longHeader('K', 't'.repeat(200)), symlink('n', 't'))
    const [entry] = await readAll(archive)
    expect(entry).toMatchObject({ name: 'n'.repeat(200), linkName: 't'.repeat(200) })
  })

  it('puts the segments of a sparse file where they belong', async () => {
    const pax = { 'GNU.sparse.map': '4,2,10,1', 'GNU.sparse.size': '20', 'GNU.sparse.name': 'real' }
    const [entry] = await readAll(tar(file('GNUSparseFile/real', 'abc', { pax })))
    expect(entry).toMatchObject({
      name: 'real',
      sparse: {
        size: 20,
        segments: [
          { offset: 4, length: 2 },
          { offset: 10, length: 1 },
        ],
      },
    })
  })

  it.each([
    ['ends within data', tar(file('a', 'x'.repeat(600))).subarray(0, 700)],
    ['ends within a header', tar(file('a')).subarray(0, 100)],
    ['is no tar', Buffer.alloc(1024, 'x')],
    ['has an unknown type', tar({ name: 'a', flag: 'Z' })],
    ['has a record that is longer than its header', tar({ name: 'x', flag: 'x', data: '99 path=a\n' })],
    ['has a record without end', tar({ name: 'x', flag: 'x', data: '0 path=a\n' })],
    ['has a negative size', tar(file('a', '', { pax: { size: '-1' } }))],
    ['has a name with a NUL', tar(file('a', '', { pax: { path: 'a\0b' } }))],
    ['has an odd sparse map', tar(file('a', '', { pax: { 'GNU.sparse.map': '1,2,3' } }))],
  ])('refuses an archive that %s', async (_, archive) => {
    await expect(readAll(archive)).rejects.toThrow(TarError)
  })

  it('fails only with a refusal, whatever the bytes are', async () => {
    const whole = tar(file('a', 'abc', { pax: { path: 'b', mtime: '1' } }), symlink('l', 'a'))
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const damaged = Buffer.from(whole)
        for (const [at, byte] of changes) damaged[at] = byte
        const error: unknown = await readAll(damaged).then(
          () => undefined,
          (failure: unknown) => failure,
        )
        expect(error === undefined || error instanceof TarError).toBe(true)
      }),
    )
  })
})
