import { expect, test as it } from 'vitest'
import { resolveUser } from '../../../src/oci/user.ts'

const accounts = {
  passwd: [
    '# comment',
    'root:x:0:0:root:/root:/bin/sh',
    'bob:x:1000:1001:bob:/home/bob:/bin/sh',
    '42:x:5:5::/:/bin/sh',
    'broken:x:what:ever',
    '',
  ].join('\n'),
  group: 'root:x:0:\nbobs:x:1001:\naudio:x:29:bob\nvideo:x:44:bob,root\n7000:x:70:\n',
}
const resolve = (user: string, groupAdd: readonly string[] | null = null) =>
  resolveUser({ user, groupAdd }, accounts)

it.each([
  ['', { uid: 0, gid: 0, additionalGids: [0, 44] }],
  ['bob', { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44] }],
  ['1000', { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44] }],
  ['bob:audio', { uid: 1000, gid: 29, additionalGids: [29] }],
  ['bob:', { uid: 1000, gid: 1001, additionalGids: [1001, 29, 44] }],
  [':7', { uid: 0, gid: 7, additionalGids: [7] }],
  ['99999:8', { uid: 99999, gid: 8, additionalGids: [8] }],
  ['42', { uid: 42, gid: 0, additionalGids: [0] }],
  ['broken', { uid: 0, gid: 0, additionalGids: [0] }],
])('user %j is %j', (user, expected) => {
  expect(resolve(user)).toEqual(expected)
})

it('added groups are found by name, by id and by a number that nobody has', () => {
  expect(resolve('99', ['audio', '44', '7000', '123'])).toEqual({
    uid: 99,
    gid: 0,
    additionalGids: [0, 29, 44, 70, 123],
  })
})

it.each([
  ['nobodyx', 'unable to find user nobodyx: no matching entries in passwd file'],
  ['bob:nogrp', 'unable to find group nogrp: no matching entries in group file'],
  ['-1', 'uids and gids must be in range 0-2147483647'],
  ['4294967296', 'uids and gids must be in range 0-2147483647'],
])('user %j fails the start with %j', (user, message) => {
  expect(() => resolve(user)).toThrow(expect.objectContaining({ message, exitCode: 128 }))
})

it('an unknown added group fails the start', () => {
  expect(() => resolve('', ['nogrp'])).toThrow(
    'Unable to find group nogrp: no matching entries in group file',
  )
})

it('without account files root and numbers work', () => {
  const none = { passwd: null, group: null }
  expect(resolveUser({ user: '', groupAdd: null }, none)).toEqual({ uid: 0, gid: 0, additionalGids: [0] })
  expect(resolveUser({ user: '5:6', groupAdd: null }, none).gid).toBe(6)
})
