import { existsSync, lstatSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { attributeOf } from '../../../src/kernel/xattr.ts'
import { directory, file, hardLink, symlink } from '../../fixtures/images/tar-builder.ts'
import { at, extract, read, refused, root, target, useTarget } from '../../fixtures/images/target.ts'

useTarget()

describe('an archive that tries to leave its root', () => {
  it.each(['../escaped', 'a/../../escaped', '/../escaped', './../escaped'])(
    'is refused at the name %s',
    async (name) => {
      await expect(extract(file(name, 'x'))).rejects.toMatchObject(refused('is outside of the layer'))
    },
  )

  it('writes an absolute name below the root', async () => {
    await extract(file(join(root, 'escaped'), 'x'))
    expect(read(join(root, 'escaped'))).toBe('x')
  })

  it.each(['../../../../..', '../..', '/'])('stays inside through a symbolic link to %s', async (link) => {
    await extract(symlink('out', link), file('out/escaped', 'x'))
    expect(read('escaped')).toBe('x')
    expect(readlinkSync(at('out'))).toBe(link)
  })

  it('stays inside through an absolute link to a directory that only the host has', async () => {
    const outside = join(root, 'outside')
    await expect(extract(symlink('out', outside), file('out/escaped', 'x'))).rejects.toMatchObject(
      refused(/ENOENT/),
    )
    expect(existsSync(outside)).toBe(false)
  })

  it('does not write through a symbolic link that has the name of the file', async () => {
    await extract(symlink('secret', join(root, 'secret')), file('secret', 'replaced'))
    expect(lstatSync(at('secret')).isFile()).toBe(true)
  })

  it('does not change the mode or owner of what a link points to', async () => {
    await extract(symlink('s', join(root, 'secret')), { ...hardLink('h', 's'), mode: 0o777, uid: 5 })
    expect(statSync(join(root, 'secret'))).toMatchObject({ mode: 0o100600, uid: 0 })
    expect(readlinkSync(at('h'))).toBe(join(root, 'secret'))
  })

  it.each(['../secret', '../../secret'])('is refused at a hard link to %s', async (link) => {
    await expect(extract(hardLink('h', link))).rejects.toMatchObject(refused('is outside of the layer'))
  })

  it('takes an absolute hard link as one from its own root', async () => {
    await expect(extract(hardLink('h', join(root, 'secret')))).rejects.toMatchObject(refused(/ENOENT/))
  })

  it('resolves a hard link through a symbolic link inside the root', async () => {
    await expect(extract(symlink('up', '..'), hardLink('h', 'up/secret'))).rejects.toMatchObject(
      refused(/ENOENT/),
    )
  })

  it.each(['.wh..', '.wh...', 'a/.wh.'])('is refused at the whiteout %s', async (name) => {
    await expect(extract(directory('a'), file(name))).rejects.toMatchObject(
      refused('is outside of the layer'),
    )
  })

  it('does not remove through a link when a directory is replaced', async () => {
    writeFileSync(join(target, 'kept'), 'x')
    await extract(directory('d'), symlink('d/up', '..'), file('d', 'now a file'))
    expect(read('d')).toBe('now a file')
    expect(read('kept')).toBe('x')
  })

  it('cannot speak to overlayfs but by whiteouts', async () => {
    const pax = { 'SCHILY.xattr.trusted.overlay.redirect': '/etc', 'SCHILY.xattr.user.kept': 'yes' }
    await extract(directory('d', { pax }))
    expect(attributeOf(at('d'), 'trusted.overlay.redirect')).toBeUndefined()
    expect(attributeOf(at('d'), 'user.kept')?.toString()).toBe('yes')
  })
})
