import { describe, expect, test as it } from 'vitest'
import { initArguments, initMounts, wantsInit } from '../../../src/oci/init.ts'

describe('An init process', () => {
  it('is there if the container or else the daemon wants one', () => {
    expect(wantsInit({ Init: true }, false)).toBe(true)
    expect(wantsInit({ Init: null }, true)).toBe(true)
    expect(wantsInit({ Init: false }, true)).toBe(false)
    expect(wantsInit({ Init: null }, false)).toBe(false)
  })

  it('is left out where the container’s process is not the first of its namespace', () => {
    expect(wantsInit({ Init: true, PidMode: 'host' }, false)).toBe(false)
    expect(wantsInit({ Init: true, PidMode: 'container:x' }, true)).toBe(false)
  })

  it('stands before the command and is bound in, read-only', () => {
    expect(initArguments('/usr/bin/tini-static')).toEqual(['/sbin/docker-init', '--'])
    expect(initMounts('/usr/bin/tini-static')).toEqual([
      {
        destination: '/sbin/docker-init',
        type: 'bind',
        source: '/usr/bin/tini-static',
        options: ['bind', 'ro'],
      },
    ])
    expect([initArguments(undefined), initMounts(undefined)]).toEqual([[], []])
  })
})
