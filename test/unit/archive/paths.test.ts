import { constants } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { absolute } from '../../../src/archive/locate.ts'
import { goMode } from '../../../src/archive/path-stat.ts'

describe('a path that a client names', () => {
  it.each([
    ['/', '/'],
    ['etc', '/etc'],
    ['/etc/', '/etc/'],
    ['/etc/.', '/etc/.'],
    ['etc//x/../y', '/etc/y'],
    ['../../../etc/passwd', '/etc/passwd'],
    ['.', '/.'],
    ['/.', '/.'],
    ['//', '/'],
    ['/a/..', '/'],
    ['a.', '/a.'],
  ])('%s is %s from the root', (asked, path) => {
    expect(absolute(asked)).toBe(path)
  })
})

describe("a mode in Go's bits", () => {
  it.each([
    ['a file', constants.S_IFREG | 0o644, 0o644],
    ['a directory', constants.S_IFDIR | 0o755, 0x80000000 + 0o755],
    ['a sticky directory', constants.S_IFDIR | 0o1777, 0x80000000 + 0x100000 + 0o777],
    ['a set-uid file', constants.S_IFREG | 0o4755, 0x800000 + 0o755],
    ['a set-gid file', constants.S_IFREG | 0o2755, 0x400000 + 0o755],
    ['a link', constants.S_IFLNK | 0o777, 0x8000000 + 0o777],
    ['a pipe', constants.S_IFIFO | 0o600, 0x2000000 + 0o600],
    ['a socket', constants.S_IFSOCK | 0o600, 0x1000000 + 0o600],
    ['a terminal', constants.S_IFCHR | 0o620, 0x4000000 + 0x200000 + 0o620],
    ['a disk', constants.S_IFBLK | 0o660, 0x4000000 + 0o660],
  ])('of %s', (_, unix, go) => {
    expect(goMode(unix)).toBe(go)
  })
})
