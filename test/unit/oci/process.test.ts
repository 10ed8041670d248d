import { describe, expect, test as it } from 'vitest'
import type { ContainerConfig } from '../../../machines/spec.ts'
import { defaultPath, environment, oomScoreAdj, workingDirectory } from '../../../src/oci/process.ts'
import { rlimits } from '../../../src/oci/rlimits.ts'
import { parseExactly, serialize } from '../../../src/oci/serialize.ts'
import { cgroupsPath, runtimeSpec } from '../../../src/oci/spec.ts'
import { aHost, aStart, somePaths } from '../../fixtures/host-facts.ts'
import { aSpec, type SpecChanges } from '../../fixtures/spec.ts'

const config = (changes: Partial<ContainerConfig>): ContainerConfig =>
  aSpec({ config: { Hostname: 'h', Env: [], ...changes } }).config

const specOf = (changes: SpecChanges, host = aHost) =>
  runtimeSpec({
    id: 'ID',
    spec: aSpec(changes),
    host,
    start: aStart,
    paths: somePaths,
    dataRoot: '/var/lib/tallyman',
    cgroupParent: '/docker',
  })

describe('The environment', () => {
  it('begins with PATH, HOSTNAME and, with a terminal, TERM', () => {
    const tty = environment(config({ Tty: true }))
    expect(tty).toEqual([`PATH=${defaultPath}`, 'HOSTNAME=h', 'TERM=xterm'])
    expect(environment(config({}))).toEqual([`PATH=${defaultPath}`, 'HOSTNAME=h'])
  })

  it('lets the container replace, add and remove variables', () => {
    const env = environment(config({ Env: ['A=1=2', 'PATH=/bin', 'HOSTNAME', 'A=3'] }))
    expect(env).toEqual(['PATH=/bin', 'A=3'])
  })
})

it('the entrypoint comes before the command', () => {
  const { process } = specOf({ config: { Entrypoint: ['/init', '-v'], Cmd: ['run'] } })
  expect(process.args).toEqual(['/init', '-v', 'run'])
})

describe('The terminal', () => {
  it('begins with the size of the client’s own', () => {
    const { process } = specOf({ config: { Tty: true }, hostConfig: { ConsoleSize: [33, 77] } })
    expect(process).toMatchObject({ terminal: true, consoleSize: { height: 33, width: 77 } })
  })

  it('has no size if the client has none, and is not there unless asked for', () => {
    expect(specOf({ config: { Tty: true }, hostConfig: { ConsoleSize: [0, 0] } }).process).not.toHaveProperty(
      'consoleSize',
    )
    const { process } = specOf({ hostConfig: { ConsoleSize: [33, 77] } })
    expect(process.terminal).toBe(false)
    expect(process).not.toHaveProperty('consoleSize')
  })
})

it('the working directory is / unless given, without dots', () => {
  expect(workingDirectory(config({}))).toBe('/')
  expect(workingDirectory(config({ WorkingDir: '/a/../../b/./c/' }))).toBe('/b/c')
})

describe('The OOM score adjustment', () => {
  it('can not be below that of a daemon without CAP_SYS_RESOURCE', () => {
    expect(oomScoreAdj(-500, { capabilities: [], oomScoreAdj: -100 })).toBe(-100)
    expect(oomScoreAdj(200, { capabilities: [], oomScoreAdj: -100 })).toBe(200)
  })

  it('is what was asked for otherwise', () => {
    expect(oomScoreAdj(-500, { capabilities: ['CAP_SYS_RESOURCE'], oomScoreAdj: 0 })).toBe(-500)
  })
})

describe('Limits of resources', () => {
  it('always name open files', () => {
    expect(rlimits(null, 4096)).toEqual([{ type: 'RLIMIT_NOFILE', soft: 4096, hard: 4096 }])
    expect(rlimits([{ Name: 'nofile', Soft: 1, Hard: 2 }], 4096)).toEqual([
      { type: 'RLIMIT_NOFILE', soft: 1, hard: 2 },
    ])
  })

  it('write unlimited digit by digit', () => {
    const spec = specOf({ hostConfig: { Ulimits: [{ Name: 'core', Soft: -1, Hard: -1 }] } })
    expect(serialize(spec)).toContain('"soft":18446744073709551615')
  })
})

it('integers beyond 2^53 are read exactly', () => {
  expect(parseExactly('[18446744073709551615, 7, 1.5]')).toEqual([18446744073709551615n, 7, 1.5])
})

describe('The control group', () => {
  it('lies below the parent that was asked for, or that of the daemon', () => {
    expect(specOf({}).linux.cgroupsPath).toBe('/docker/ID')
    expect(specOf({ hostConfig: { CgroupParent: 'foo/bar' } }).linux.cgroupsPath).toBe('/foo/bar/ID')
  })

  it('can not climb out of the hierarchy', () => {
    expect(cgroupsPath('/foo/../../../bar', 'ID')).toBe('/bar/ID')
  })
})

describe('Namespaces', () => {
  it('include the control groups on v2 only', () => {
    const types = (cgroupVersion: 1 | 2) =>
      specOf({}, { ...aHost, cgroupVersion }).linux.namespaces.map(({ type }) => type)
    expect(types(1)).not.toContain('cgroup')
    expect(types(2)).toContain('cgroup')
  })
})

describe('A privileged container', () => {
  it('has no filter, nothing hidden, every device and the rule that allows all', () => {
    const { linux } = specOf({ hostConfig: { Privileged: true } })
    expect(linux.seccomp).toBeUndefined()
    expect([...linux.maskedPaths, ...linux.readonlyPaths]).toEqual([])
    expect(linux.resources.devices).toEqual([{ allow: true, access: 'rwm' }])
  })
})

it('sysctls of a kernel that does not have them are left out', () => {
  const { linux } = specOf({ hostConfig: { Sysctls: { 'a.b': '1' } } }, { ...aHost, networkSysctls: [] })
  expect(linux.sysctl).toEqual({ 'a.b': '1' })
})

it('an AppArmor profile is set where there is AppArmor', () => {
  const changes = { hostConfig: { SecurityOpt: ['apparmor=mine'] } }
  expect(specOf(changes, { ...aHost, apparmor: true }).process.apparmorProfile).toBe('mine')
  expect(specOf(changes).process).not.toHaveProperty('apparmorProfile')
})
