import { execFileSync } from 'node:child_process'
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { changesOf, packPath, packWhole, statPath } from '../../../src/archive/files.ts'
import { AT_FDCWD, makeNodeAt, whiteout } from '../../../src/kernel/at.ts'
import { setAttributeOf } from '../../../src/kernel/xattr.ts'
import { directory, file, symlink, tar } from '../../fixtures/images/tar-builder.ts'
import { entriesOf, inside, outside, packed, put, useTree, view } from './tree.ts'

/** Each copy starts a thread, which takes seconds on a machine that is busy. */
vi.setConfig({ testTimeout: 150_000 })
useTree()

describe('reading files of a container', () => {
  it('names what is in a directory by the name that was asked for', async () => {
    mkdirSync(inside('d/e'), { recursive: true })
    writeFileSync(inside('d/f'), 'text')
    linkSync(inside('d/f'), inside('d/g'))
    symlinkSync('/d', inside('link'))
    const names = async (path: string) => (await packed(path)).map(({ name }) => name)
    expect(await names('/d')).toEqual(['d/', 'd/e/', 'd/f', 'd/g'])
    expect(await names('/link/')).toEqual(['link/', 'link/e/', 'link/f', 'link/g'])
    expect(await names('/d/.')).toEqual(['./', './e/', './f', './g'])
    expect(await names('/')).toEqual(['/', '/d/', '/d/e/', '/d/f', '/d/g', '/etc/', '/link'])
    expect((await packed('/d'))[3]).toMatchObject({ type: 'link', linkName: 'd/f', text: '' })
  })

  it('tells where a link leads', async () => {
    symlinkSync('../../etc', inside('etc/loop'))
    symlinkSync('nowhere', inside('etc/dangling'))
    expect(await statPath(view(), '/etc/loop')).toMatchObject({ name: 'loop', linkTarget: '/etc' })
    expect(await statPath(view(), '/etc/dangling')).toMatchObject({ linkTarget: '/etc/nowhere' })
  })

  it('ends its thread when nobody reads on', async () => {
    writeFileSync(inside('large'), Buffer.alloc(64 * 1024 * 1024))
    const archive = await packPath(view(), '/large')
    for await (const _ of archive.chunks) break
    await expect(archive[Symbol.asyncDispose]()).resolves.toBeUndefined()
  })
})

describe('writing files into a container', () => {
  it('keeps owner, mode and time, and makes directories that are missing', async () => {
    const entry = { ...file('a/b/c', 'text'), mode: 0o4750, uid: 5, gid: 6, mtime: 1000 }
    await put('/etc', tar(directory('a', { mtime: 2000 }), entry))
    expect(statSync(inside('etc/a/b/c'))).toMatchObject({
      mode: 0o104750,
      uid: 5,
      gid: 6,
      mtimeMs: 1_000_000,
    })
    expect(statSync(inside('etc/a')).mtimeMs).toBe(2_000_000)
    expect(statSync(inside('etc/a/b'))).toMatchObject({ mode: 0o40755, uid: 0 })
  })

  it('replaces what is there, whole, unless kinds are to be kept', async () => {
    mkdirSync(inside('etc/d/e'), { recursive: true })
    await expect(put('/etc', tar(file('d', 'x')), { keepKinds: true })).rejects.toThrow(
      'cannot overwrite directory "/etc/d" with non-directory "/etc"',
    )
    await put('/etc', tar(file('d', 'x')))
    expect(readFileSync(inside('etc/d'), 'utf8')).toBe('x')
    await expect(put('/etc', tar(directory('d')), { keepKinds: true })).rejects.toThrow(
      'cannot overwrite non-directory "/etc/d" with directory "/etc"',
    )
  })

  it('does not take a whiteout name for a whiteout', async () => {
    await put('/etc', tar(file('.wh.x', 'text'), symlink('s', '/gone')))
    expect(readFileSync(inside('etc/.wh.x'), 'utf8')).toBe('text')
    expect(readlinkSync(inside('etc/s'))).toBe('/gone')
  })

  it('refuses a name that leaves the directory', async () => {
    await expect(put('/etc', tar(file('../x', '')))).rejects.toThrow('"../x" is outside of "/etc"')
  })

  it('refuses what is no directory', async () => {
    writeFileSync(inside('etc/f'), '')
    await expect(put('/etc/f', tar(file('x', '')))).rejects.toThrow('extraction point is not a directory')
    await expect(put('/gone', tar(file('x', '')))).rejects.toMatchObject({ code: 'not-found' })
  })
})

/** The upper layer is the tree, the lower one what is beside it. */
describe("a container's own layer", () => {
  it('says what it adds, changes and hides', async () => {
    mkdirSync(outside('etc/kept'), { recursive: true })
    for (const name of ['etc/gone', 'etc/same', 'etc/changed']) writeFileSync(outside(name), 'x')
    mkdirSync(outside('whole/old'), { recursive: true })
    execFileSync('cp', ['-a', outside('etc/same'), inside('etc/same')])
    writeFileSync(inside('etc/changed'), 'longer')
    writeFileSync(inside('etc/new'), '')
    makeNodeAt(AT_FDCWD, inside('etc/gone'), whiteout)
    mkdirSync(inside('whole'))
    setAttributeOf(inside('whole'), 'trusted.overlay.opaque', Buffer.from('y'))
    writeFileSync(inside('whole/fresh'), '')
    const changes = await changesOf({ upper: inside(), lowers: [outside()] })
    expect(changes.map(({ Path, Kind }) => `${'CAD'[Kind]} ${Path}`)).toEqual([
      'C /etc',
      'C /etc/changed',
      'D /etc/gone',
      'A /etc/new',
      'C /whole',
      'A /whole/fresh',
      'D /whole/old',
    ])
  })

  it('becomes a layer of an image with whiteout files', async () => {
    makeNodeAt(AT_FDCWD, inside('etc/gone'), whiteout)
    mkdirSync(inside('whole'))
    setAttributeOf(inside('whole'), 'trusted.overlay.opaque', Buffer.from('y'))
    writeFileSync(inside('whole/new'), 'n')
    await using layer = packWhole({ kind: 'layer', upper: inside() })
    expect((await entriesOf(layer.chunks)).map(({ name }) => name)).toEqual([
      'etc/',
      'etc/.wh.gone',
      'whole/',
      'whole/.wh..wh..opq',
      'whole/new',
    ])
    expect(lstatSync(inside('etc/gone')).isCharacterDevice()).toBe(true)
  })
})
