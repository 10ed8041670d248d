import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  AT_REMOVEDIR,
  changeModeAt,
  makeDirectoryAt,
  makeLinkAt,
  makeNodeAt,
  makeSymlinkAt,
  openConfined,
  removeAt,
  setTimesAt,
} from '../../../src/kernel/at.ts'
import { attribute, attributeOf, setAttribute, setAttributeOf } from '../../../src/kernel/xattr.ts'

const { O_CREAT, O_RDONLY, O_RDWR, S_IFIFO } = constants
let base = ''
let root = -1

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'tally-at-'))
  await mkdir(join(base, 'root/inside'), { recursive: true })
  writeFileSync(join(base, 'secret'), 'outside')
  root = openSync(join(base, 'root'), O_RDONLY)
})
afterEach(async () => {
  closeSync(root)
  await rm(base, { recursive: true })
})

const beneath = (path: string | Uint8Array, flags = O_RDONLY, mode = 0): number =>
  openConfined(root, path, { scope: 'beneath', flags, mode })

describe('openConfined', () => {
  it.each(['../secret', '/etc/passwd', 'up', 'absolute', 'inside/../../secret'])(
    'never leaves the directory: %s',
    (path) => {
      symlinkSync('../secret', join(base, 'root/up'))
      symlinkSync(join(base, 'secret'), join(base, 'root/absolute'))
      expect(() => beneath(path)).toThrow(expect.objectContaining({ code: 'EXDEV' }))
    },
  )

  it('takes the directory for / if asked to', () => {
    writeFileSync(join(base, 'root/secret'), 'inside')
    symlinkSync('/../../secret', join(base, 'root/link'))
    const fd = openConfined(root, '../link', { scope: 'in-root', flags: O_RDONLY })
    expect(readFileSync(fd, 'utf8')).toBe('inside')
    closeSync(fd)
  })

  it('follows no link at all if asked to', () => {
    symlinkSync('inside', join(base, 'root/link'))
    expect(() =>
      openConfined(root, 'link', { scope: 'beneath', flags: O_RDONLY, followLinks: false }),
    ).toThrow(expect.objectContaining({ code: 'ELOOP' }))
  })

  it('opens with O_CLOEXEC', () => {
    const fd = beneath('inside')
    const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0'
    closeSync(fd)
    expect(Number.parseInt(flags, 8) & 0o2000000).not.toBe(0)
  })

  it('takes names that are not UTF-8', () => {
    const name = Buffer.from([0x66, 0xff, 0x66])
    closeSync(beneath(name, O_RDWR | O_CREAT, 0o600))
    expect(lstatSync(Buffer.concat([Buffer.from(`${base}/root/`), name])).isFile()).toBe(true)
    removeAt(root, name)
  })
})

describe('files relative to a directory', () => {
  it('are made, linked, timed and removed there', () => {
    makeDirectoryAt(root, 'sub', 0o700)
    changeModeAt(root, 'sub', 0o1777)
    expect(lstatSync(join(base, 'root/sub')).mode & 0o7777).toBe(0o1777)
    removeAt(root, 'sub', AT_REMOVEDIR)

    makeSymlinkAt(root, 'link', 'to/where')
    expect(readlinkSync(join(base, 'root/link'))).toBe('to/where')
    makeLinkAt({ directory: root, name: 'link' }, { directory: root, name: 'second' })
    expect(lstatSync(join(base, 'root/second')).nlink).toBe(2)
    setTimesAt(root, 'link', { accessed: 0n, modified: -1_500_000_000n })
    expect(lstatSync(join(base, 'root/link'), { bigint: true }).mtimeNs).toBe(-1_500_000_000n)

    makeNodeAt(root, 'pipe', { mode: S_IFIFO | 0o600 })
    expect(lstatSync(join(base, 'root/pipe')).isFIFO()).toBe(true)
  })
})

describe('extended attributes', () => {
  it('are set and read by descriptor and by name; one that is not there is undefined', () => {
    const fd = beneath('file', O_RDWR | O_CREAT, 0o600)
    setAttribute(fd, 'user.one', Buffer.from('1\0'))
    expect(attribute(fd, 'user.one')).toEqual(Buffer.from('1\0'))
    expect(attribute(fd, 'user.two')).toBeUndefined()
    setAttributeOf(`/proc/self/fd/${fd}`, 'user.two', Buffer.from('2'), true)
    expect(attributeOf(join(base, 'root/file'), 'user.two')).toEqual(Buffer.from('2'))
    expect(fstatSync(fd).isFile()).toBe(true)
    closeSync(fd)
  })
})
