import { describe, expect, test as it } from 'vitest'
import { resolveProfile, seccomp } from '../../../src/oci/seccomp.ts'
import { parseSeccompProfile } from '../../../src/oci/seccomp-profile.ts'
import { securityOptions } from '../../../src/oci/security-options.ts'

const facts = { architecture: 'amd64', kernelRelease: '6.1.0-18-amd64', capabilities: ['CAP_CHOWN'] }

/** Names that some rule without arguments allows. */
function allowed(changes: Partial<typeof facts> = {}): ReadonlySet<string> {
  const policy = seccomp({ SecurityOpt: null, Privileged: false }, { ...facts, ...changes })
  const rules = (policy?.syscalls ?? []).filter(({ action, args }) => action === 'SCMP_ACT_ALLOW' && !args)
  return new Set(rules.flatMap(({ names }) => names))
}

describe('The default policy', () => {
  it.each(['mount', 'umount2', 'unshare', 'setns', 'keyctl', 'add_key', 'bpf', 'io_uring_setup', 'clone3'])(
    'does not allow %s',
    (name) => {
      expect(allowed().has(name)).toBe(false)
    },
  )

  it.each([
    ['CAP_SYS_ADMIN', 'mount'],
    ['CAP_SYS_CHROOT', 'chroot'],
    ['CAP_SYS_TIME', 'clock_settime'],
    ['CAP_BPF', 'bpf'],
  ])('with %s allows %s', (capability, name) => {
    expect(allowed().has(name)).toBe(false)
    expect(allowed({ capabilities: [capability] }).has(name)).toBe(true)
  })

  it('depends on architecture and kernel', () => {
    expect(allowed().has('arch_prctl')).toBe(true)
    expect(allowed({ architecture: 'arm64' }).has('arch_prctl')).toBe(false)
    expect(allowed().has('ptrace')).toBe(true)
    expect(allowed({ kernelRelease: '4.7.9' }).has('ptrace')).toBe(false)
    expect(allowed({ kernelRelease: '4.19.0' }).has('ptrace')).toBe(true)
  })

  it('names the architectures whose calls the kernel takes too', () => {
    const of = (architecture: string) =>
      seccomp({ SecurityOpt: null, Privileged: false }, { ...facts, architecture })?.architectures
    expect(of('amd64')).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'])
    expect(of('arm64')).toEqual(['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'])
  })
})

describe('A policy', () => {
  it('can be switched off, and a privileged container has none', () => {
    expect(seccomp({ SecurityOpt: ['seccomp=unconfined'], Privileged: false }, facts)).toBeUndefined()
    expect(seccomp({ SecurityOpt: null, Privileged: true }, facts)).toBeUndefined()
  })

  it('can be given whole', () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ name: 'mkdir', action: 'SCMP_ACT_ERRNO', args: null, errnoRet: 13 }],
    }
    const options = { SecurityOpt: [`seccomp=${JSON.stringify(profile)}`], Privileged: false }
    expect(seccomp(options, facts)).toEqual({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 }],
    })
  })

  it('that is empty is none', () => {
    expect(resolveProfile(parseSeccompProfile('{}'), facts)).toBeUndefined()
  })

  it('leaves out a rule that a capability, architecture or kernel excludes', () => {
    const rule = (excludes: object) => ({ names: ['x'], action: 'SCMP_ACT_ALLOW', excludes })
    const excluded = [{ caps: ['CAP_CHOWN'] }, { arches: ['amd64'] }, { minKernel: '6.1' }].map(rule)
    const profile = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: excluded }
    expect(resolveProfile(profile, facts)?.syscalls).toEqual([])
  })

  it.each([
    '{bad',
    '[]',
    '{"syscalls":[{"names":"x","action":"y"}]}',
    '{"syscalls":[{"names":["x"],"action":"y","includes":{"minKernel":"four"}}]}',
  ])('that reads %s is refused', (text) => {
    expect(() => parseSeccompProfile(text)).toThrow(/^Decoding seccomp profile failed: /)
  })

  it('that says the same thing twice is refused', () => {
    expect(() => parseSeccompProfile('{"syscalls":[{"name":"a","names":["b"],"action":"c"}]}')).toThrow(
      "'name' and 'names' were specified",
    )
    expect(() =>
      parseSeccompProfile('{"architectures":["a"],"archMap":[{"architecture":"a","subArchitectures":null}]}'),
    ).toThrow("'architectures' and 'archMap' were specified")
  })
})

describe('Security options', () => {
  it.each([
    [null, { noNewPrivileges: false }],
    [['no-new-privileges'], { noNewPrivileges: true }],
    [['no-new-privileges:true'], { noNewPrivileges: true }],
    [['no-new-privileges=true', 'no-new-privileges=0'], { noNewPrivileges: false }],
    [['label=disable', 'apparmor=x'], { noNewPrivileges: false, apparmor: 'x' }],
  ])('%j mean %j', (options, expected) => {
    expect(securityOptions(options)).toEqual(expected)
  })

  it.each([
    ['foo', 'invalid --security-opt 1: "foo"'],
    ['foo=bar', 'invalid --security-opt 2: "foo=bar"'],
    ['no-new-privileges=x', 'invalid --security-opt 2: "no-new-privileges=x"'],
  ])('%j is refused with %j', (option, message) => {
    expect(() => securityOptions([option])).toThrow(message)
  })
})
