/** An image's directory becomes the content of a volume: everything that a file is, nothing of the host. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fillDirectory } from '../../../src/archive/files.ts'
import { attributeOf, setAttributeOf } from '../../../src/kernel/xattr.ts'

let base = ''
const rootfs = (...names: readonly string[]): string => join(base, 'rootfs', ...names)
const volume = (...names: readonly string[]): string => join(base, 'volume', ...names)
const fill = (path: string): Promise<boolean> =>
  fillDirectory({ rootfs: rootfs(), path, target: volume(), refusal: `${path} is none` })

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tally-fill-'))
  mkdirSync(rootfs('app'), { recursive: true })
  mkdirSync(volume())
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

describe('a volume that is filled', { timeout: 60_000 }, () => {
  it('has files with owner, mode, time and attributes, also its own directory', async () => {
    writeFileSync(rootfs('app/file'), 'text')
    chownSync(rootfs('app/file'), 7, 8)
    chmodSync(rootfs('app/file'), 0o4751)
    setAttributeOf(rootfs('app/file'), 'user.note', Buffer.from('noted'))
    setAttributeOf(rootfs('app/file'), 'security.capability', capability)
    utimesSync(rootfs('app/file'), 1_000_000, 1_000_000)
    chownSync(rootfs('app'), 5, 6)
    chmodSync(rootfs('app'), 0o1750)
    utimesSync(rootfs('app'), 2_000_000, 2_000_000)
    expect(await fill('/app')).toBe(true)
    expect(readFileSync(volume('file'), 'utf8')).toBe('text')
    const file = lstatSync(volume('file'))
    expect([file.mode & 0o7777, file.uid, file.gid, file.mtimeMs]).toEqual([0o4751, 7, 8, 1_000_000_000])
    expect(attributeOf(volume('file'), 'user.note')?.toString()).toBe('noted')
    expect(attributeOf(volume('file'), 'security.capability')).toEqual(capability)
    const top = lstatSync(volume())
    expect([top.mode & 0o7777, top.uid, top.gid, top.mtimeMs]).toEqual([0o1750, 5, 6, 2_000_000_000])
  })

  it('has directories, links of both kinds and pipes, with names that are no UTF-8, but no sockets', async () => {
    mkdirSync(rootfs('app/deep/er'), { recursive: true })
    writeFileSync(rootfs('app/deep/er/one'), '1')
    linkSync(rootfs('app/deep/er/one'), rootfs('app/two'))
    symlinkSync('/etc/passwd', rootfs('app/link'))
    execFileSync('mkfifo', [rootfs('app/pipe')])
    const odd = Buffer.concat([Buffer.from(`${rootfs('app')}/`), Buffer.from([0xff, 0xfe])])
    writeFileSync(odd, 'odd')
    const server = createServer().listen(rootfs('app/socket'))
    try {
      expect(await fill('/app')).toBe(true)
    } finally {
      server.close()
    }
    expect(lstatSync(volume('two')).ino).toBe(lstatSync(volume('deep/er/one')).ino)
    expect(readlinkSync(volume('link'))).toBe('/etc/passwd')
    expect(lstatSync(volume('pipe')).isFIFO()).toBe(true)
    expect(lstatSync(volume('socket'), { throwIfNoEntry: false })).toBeUndefined()
    const copied = Buffer.concat([Buffer.from(`${volume()}/`), Buffer.from([0xff, 0xfe])])
    expect(readFileSync(copied, 'utf8')).toBe('odd')
  })

  it('gets what a link in the image leads to within the image, never what is outside', async () => {
    mkdirSync(join(base, 'host'))
    writeFileSync(join(base, 'host/secret'), 'secret')
    writeFileSync(rootfs('app/inner'), 'of the image')
    symlinkSync('/app', rootfs('absolute'))
    symlinkSync(`../../../../../../..${join(base, 'host')}`, rootfs('climbing'))
    expect(await fill('/climbing')).toBe(false)
    expect(await fill('/absolute')).toBe(true)
    expect(readFileSync(volume('inner'), 'utf8')).toBe('of the image')
  })

  it('stays empty where the image has nothing', async () => {
    chmodSync(volume(), 0o711)
    expect(await fill('/app/none')).toBe(false)
    expect(lstatSync(volume()).mode & 0o777).toBe(0o711)
  })

  it('is refused a file', async () => {
    writeFileSync(rootfs('app/file'), 'text')
    await expect(fill('/app/file')).rejects.toMatchObject({ message: '/app/file is none' })
  })
})

/** `cap_net_raw=ep`, struct vfs_cap_data in linux/capability.h. */
const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex')
