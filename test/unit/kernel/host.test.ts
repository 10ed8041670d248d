import { describe, expect, it } from 'vitest'
import { bootId, boundingSet, host, prettyName } from '../../../src/kernel/host.ts'

describe('boundingSet', () => {
  it('names the bits of the mask in their order', () => {
    expect(boundingSet('Name:\tx\nCapEff:\t0000000000000001\nCapBnd:\t0000010000200021\n')).toEqual([
      'CAP_CHOWN',
      'CAP_KILL',
      'CAP_SYS_ADMIN',
      'CAP_CHECKPOINT_RESTORE',
    ])
  })

  it('knows every capability of the full set', () => {
    expect(boundingSet('CapBnd:\t000001ffffffffff')).toHaveLength(41)
  })
})

describe('prettyName', () => {
  it('takes the quotes away', () => {
    expect(prettyName('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')).toBe(
      'Debian GNU/Linux 12 (bookworm)',
    )
    expect(prettyName("PRETTY_NAME='Alpine'")).toBe('Alpine')
    expect(prettyName('PRETTY_NAME=Void')).toBe('Void')
  })

  it('has a word for a system that does not say', () => {
    expect(prettyName('')).toBe('Linux')
  })
})

describe('host', () => {
  it('describes this machine', () => {
    expect(bootId()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(host().cpus).toBeGreaterThan(0)
    expect(host().memory).toBeGreaterThan(0)
  })
})
