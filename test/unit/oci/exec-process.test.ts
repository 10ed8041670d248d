import { describe, expect, test as it } from 'vitest'
import type { ExecConfig } from '../../../machines/exec-events.ts'
import { execProcess } from '../../../src/oci/exec-process.ts'
import { aHost } from '../../fixtures/host-facts.ts'
import { aSpec, type SpecChanges } from '../../fixtures/spec.ts'

const accounts = { passwd: 'app:x:1000:1000::/home/app:/bin/sh\n', group: 'extra:x:2000:app\n' }

const exec = (changes: Partial<ExecConfig>): ExecConfig => ({
  ...{ Cmd: ['id'], Env: [], User: '', WorkingDir: '', Privileged: false, Tty: false },
  ...{ AttachStdin: false, AttachStdout: true, AttachStderr: true },
  ...changes,
})

const process = (changes: Partial<ExecConfig> = {}, spec: SpecChanges = {}) =>
  execProcess({ spec: aSpec(spec), exec: exec(changes), host: aHost, accounts })

describe('The process of an exec', () => {
  it('is its own command, whatever the container’s entrypoint is', () => {
    const { args, terminal } = process({}, { config: { Entrypoint: ['/init'], Cmd: ['run'], Tty: true } })
    expect([args, terminal]).toEqual([['id'], false])
  })

  it('has the container’s environment, directory and user', () => {
    const container = { Env: ['A=1'], WorkingDir: '/srv', User: 'app' }
    const { env, cwd, user } = process({}, { config: container })
    expect(env).toContain('A=1')
    expect(cwd).toBe('/srv')
    expect(user).toMatchObject({ uid: 1000, gid: 1000, additionalGids: expect.arrayContaining([2000]) })
  })

  it('has what was asked for instead', () => {
    const own = { Env: ['A=2', 'B=3'], WorkingDir: '/tmp', User: '5:6' }
    const { env, cwd, user } = process(own, { config: { Env: ['A=1'], WorkingDir: '/srv', User: 'app' } })
    expect(env).toEqual(expect.arrayContaining(['A=2', 'B=3']))
    expect(env).not.toContain('A=1')
    expect(cwd).toBe('/tmp')
    expect(user).toMatchObject({ uid: 5, gid: 6 })
  })

  it('leaves a directory that is not absolute to the runtime to refuse', () => {
    expect(process({ WorkingDir: 'relative' }).cwd).toBe('relative')
  })

  it('has TERM if it has a terminal, not if the container has one', () => {
    expect(process({ Tty: true }).env).toContain('TERM=xterm')
    expect(process({}, { config: { Tty: true } }).env).not.toContain('TERM=xterm')
  })

  it('has all that the daemon may give if it or its container is privileged', () => {
    const rights = (one: ReturnType<typeof process>): number => one.capabilities?.bounding?.length ?? 0
    const privileged = rights(process({ Privileged: true }))
    expect(privileged).toBeGreaterThan(rights(process()))
    expect(rights(process({}, { hostConfig: { Privileged: true } }))).toBe(privileged)
  })

  it('is refused for a user that is not there', () => {
    expect(() => process({ User: 'nobody-knows' })).toThrow('unable to find user nobody-knows')
  })
})
