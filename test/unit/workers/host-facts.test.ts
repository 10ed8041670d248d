import { expect, test as it } from 'vitest'
import { parseMountinfo } from '../../../src/kernel/mountinfo.ts'
import { architecture, hardOpenFiles } from '../../../src/workers/host-facts.ts'
import { sourcePropagation } from '../../../src/workers/start-facts.ts'

it('architectures have the names of Go', () => {
  expect(['x64', 'arm64', 'ppc64'].map(architecture)).toEqual(['amd64', 'arm64', 'ppc64le'])
})

it('the hard limit of open files is the second number', () => {
  const limits =
    'Limit   Soft Limit  Hard Limit  Units\nMax open files            1024                 524288    files\n'
  expect(hardOpenFiles(limits)).toBe(524_288)
})

it('the mount that holds a path is the one with the longest target, not the longest name', () => {
  const mounted = parseMountinfo(
    [
      '1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw',
      '2 1 8:2 / /mnt rw - ext4 /dev/sda2 rw',
      '3 1 8:3 / /mnt/data rw master:3 - ext4 /dev/sda3 rw',
    ].join('\n'),
  )
  expect(sourcePropagation('/mnt/data/x', mounted)).toEqual({
    mountPoint: '/mnt/data',
    shared: false,
    slave: true,
  })
  expect(sourcePropagation('/mnt/database', mounted).mountPoint).toBe('/mnt')
  expect(sourcePropagation('/srv', mounted)).toEqual({ mountPoint: '/', shared: true, slave: false })
})
