import { describe, expect, it } from 'vitest'
import { type DaemonOptions, parseTallyd } from '../../../src/cli/tallyd-options.ts'

const parse = (...args: string[]) => parseTallyd(args, '1.2.3')

function daemon(...args: string[]): DaemonOptions {
  const invocation = parse(...args)
  if (invocation.kind !== 'daemon') throw new Error(JSON.stringify(invocation))
  return invocation.options
}

const refusal = (...args: string[]) => expect(parse(...args))

describe('the command line of tallyd', () => {
  it('has a default for everything', () => {
    expect(daemon()).toEqual({
      roots: { dataRoot: '/var/lib/tallyman', execRoot: '/run/tallyman' },
      sockets: ['/run/tallyman/docker.sock'],
      pidFile: '/run/tallyman/tallyd.pid',
      logLevel: 'info',
      runtimes: { runc: { path: 'runc' } },
      defaultRuntime: 'runc',
      cgroupParent: '',
      init: { always: false },
      log: { driver: 'json-file', options: {} },
      liveRestore: true,
      shutdownTimeout: 15,
    })
  })

  it('puts the socket and the pid file into the exec root', () => {
    expect(daemon('--exec-root', '/x')).toMatchObject({
      sockets: ['/x/docker.sock'],
      pidFile: '/x/tallyd.pid',
    })
  })

  it('takes the flags of dockerd', () => {
    const flags =
      '--data-root /d --exec-root /e -p /p.pid -l debug --cgroup-parent /cg --containerd /c.sock ' +
      '--log-driver none --log-opt max-size=1m --log-opt max-file=3 --init --init-path /i'
    expect(daemon(...flags.split(' '))).toMatchObject({
      roots: { dataRoot: '/d', execRoot: '/e' },
      pidFile: '/p.pid',
      logLevel: 'debug',
      cgroupParent: '/cg',
      containerd: '/c.sock',
      init: { always: true, path: '/i' },
      log: { driver: 'none', options: { 'max-size': '1m', 'max-file': '3' } },
    })
  })

  it('serves on several sockets, each once', () => {
    expect(daemon('-H', 'unix:///a', '--host=unix:///b', '-H', 'unix:///a').sockets).toEqual(['/a', '/b'])
  })

  it('lets -D win over the log level', () => {
    expect(daemon('-D', '-l', 'error').logLevel).toBe('debug')
  })

  it.each([
    ['--live-restore', true],
    ['--live-restore=true', true],
    ['--live-restore=1', true],
    ['--live-restore=false', false],
    ['--live-restore=F', false],
    ['--live-restore=0', false],
  ])('takes %s as dockerd does', (flag, liveRestore) => {
    expect(daemon(flag, '--debug')).toMatchObject({ liveRestore, logLevel: 'debug' })
  })

  it('stops containers for as long as it was told, also for ever', () => {
    expect(daemon('--shutdown-timeout', '3').shutdownTimeout).toBe(3)
    expect(daemon('--shutdown-timeout=-1').shutdownTimeout).toBe(-1)
  })

  it('makes relative directories absolute, because the daemon outlives the directory it was started in', () => {
    expect(daemon('--data-root', 'd').roots.dataRoot).toBe(`${process.cwd()}/d`)
  })

  it('knows further runtimes and can make one the default', () => {
    expect(daemon('--add-runtime', 'crun=/usr/bin/crun', '--default-runtime', 'crun')).toMatchObject({
      runtimes: { runc: { path: 'runc' }, crun: { path: '/usr/bin/crun' } },
      defaultRuntime: 'crun',
    })
  })

  it('runs the supervisor alone when asked to', () => {
    expect(parse('supervisor', '--exec-root', '/x', '-D')).toEqual({
      kind: 'supervisor',
      options: {
        roots: { dataRoot: '/var/lib/tallyman', execRoot: '/x' },
        socket: '/x/containerd.sock',
        pidFile: '/x/supervisor.pid',
        logLevel: 'debug',
      },
    })
  })

  it('prints its version and its help without running anything', () => {
    expect(parse('--version')).toEqual({ kind: 'print', text: 'Tallyman version 1.2.3\n', exitCode: 0 })
    expect(parse('--help')).toMatchObject({
      kind: 'print',
      exitCode: 0,
      text: expect.stringContaining('--data-root'),
    })
  })
})

describe('a wrong command line is refused with one sentence and exit code 125', () => {
  it.each([
    ['TCP', ['-H', 'tcp://0.0.0.0:2375'], /TCP without mutual TLS/],
    ['another scheme', ['-H', 'fd://'], /only unix:\/\/PATH is supported/],
    ['a relative socket', ['-H', 'unix://x.sock'], /must be absolute/],
    ['a socket path that the kernel can not hold', ['-H', `unix:///${'x'.repeat(107)}`], /at most 107 bytes/],
    ['a default runtime that nobody added', ['--default-runtime', 'kata'], /"kata" is unknown/],
    ['a runtime without a path', ['--add-runtime', 'crun'], /NAME=VALUE/],
    ['an unknown log driver', ['--log-driver', 'syslog'], /json-file, local, none/],
    ['an unknown log level', ['-l', 'loud'], /debug, info, warn, error, fatal/],
    ['live restore that is neither on nor off', ['--live-restore=maybe'], /must be true or false/],
    ['a shutdown time-out that is no number', ['--shutdown-timeout', '3s'], /whole seconds, or -1/],
    ['an unknown flag', ['--swarm'], /unknown option '--swarm'/],
    ['a stray word', ['start'], /too many arguments/],
    [
      'options of the daemon before "supervisor"',
      ['--exec-root', '/a', 'supervisor'],
      /after the word "supervisor"/,
    ],
  ])('%s', (_name, args, text) => {
    refusal(...args).toEqual({ kind: 'print', exitCode: 125, text: expect.stringMatching(text) })
  })
})
