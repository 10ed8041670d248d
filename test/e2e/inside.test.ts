/** What a container is allowed and limited to, seen from inside. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon } from './daemon.ts'

describe('inside a container', () => {
  let daemon: Daemon
  const sh = (script: string, ...options: string[]) =>
    daemon.docker('run', '--rm', '--network', 'none', ...options, 'bb', 'sh', '-c', script)

  beforeAll(async () => {
    daemon = await new Daemon().start()
    await daemon.importBusybox()
  })
  afterAll(() => daemon?.destroy())

  it('unshare and mount are refused', async () => {
    expect((await sh('unshare -m true')).stderr).toContain('Operation not permitted')
    expect((await sh('mount -t tmpfs x /tmp')).code).not.toBe(0)
  })

  it('has Docker’s default capabilities and seccomp on', async () => {
    const { stdout } = await sh('cat /proc/self/status')
    expect(/CapEff:\s+(\w+)/.exec(stdout)?.[1]).toBe('00000000a80425fb')
    expect(/CapAmb:\s+(\w+)/.exec(stdout)?.[1]).toBe('0000000000000000')
    expect(/Seccomp:\s+(\d)/.exec(stdout)?.[1]).toBe('2')
    expect((await sh('grep CapEff /proc/self/status', '--cap-drop', 'ALL')).stdout).toContain(
      '0000000000000000',
    )
    expect(
      (await sh('grep NoNewPrivs /proc/self/status', '--security-opt', 'no-new-privileges')).stdout,
    ).toMatch(/1$/m)
  })

  it('runs as the user, with the groups and in the directory it was asked for', async () => {
    expect((await sh('id', '-u', 'app')).stdout.trim()).toBe(
      'uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)',
    )
    expect((await sh('id -u; id -g', '-u', '7:8')).stdout).toBe('7\n8\n')
    expect((await sh('pwd', '-w', '/made/for/it')).stdout).toBe('/made/for/it\n')
    const unknown = await sh('true', '-u', 'nobody-here')
    expect(unknown.stderr).toContain('unable to find user nobody-here: no matching entries in passwd file')
  })

  it('has its own host name, hosts and resolver', async () => {
    const { stdout } = await sh(
      'hostname; cat /etc/hosts /etc/resolv.conf',
      '-h',
      'named',
      '--dns',
      '192.0.2.1',
      '--add-host',
      'db:192.0.2.7',
    )
    expect(stdout.split('\n')[0]).toBe('named')
    expect(stdout).toMatch(/192\.0\.2\.7\s+db/)
    expect(stdout).toContain('nameserver 192.0.2.1')
  })

  it('can’t write to a read-only root but to its tmpfs and binds', async () => {
    const shared = join(daemon.root, 'shared')
    mkdirSync(shared)
    writeFileSync(join(shared, 'in'), 'from the host\n')
    const options = [
      '--read-only',
      '--tmpfs',
      '/scratch:size=1m',
      '-v',
      `${shared}:/shared`,
      '-v',
      `${shared}:/ro:ro`,
    ]
    const { stdout, stderr } = await sh(
      'cat /shared/in; echo out >/shared/out; echo x >/scratch/x && echo tmpfs; echo x >/root/x; echo x >/ro/x',
      ...options,
    )
    expect(stdout).toBe('from the host\ntmpfs\n')
    expect(stderr.match(/Read-only file system/g)).toHaveLength(2)
    expect(readFileSync(join(shared, 'out'), 'utf8')).toBe('out\n')
  })

  it('is held to its limits', async () => {
    const v1 = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max'
    const v2 = 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max'
    const { stdout } = await sh(`${v1} 2>/dev/null || ${v2}`, '-m', '32m', '--pids-limit', '50')
    expect(stdout).toBe('33554432\n50\n')
    expect((await sh('ulimit -n', '--ulimit', 'nofile=321:321')).stdout).toBe('321\n')
    expect((await sh('df /dev/shm | tail -1', '--shm-size', '2m')).stdout).toMatch(/\b2048\b/)
  })

  it('sees no network with none and the host’s with host', async () => {
    expect((await sh('ls /sys/class/net')).stdout).toBe('lo\n')
    const host = await daemon.docker(
      'run',
      '--rm',
      '--network',
      'host',
      'bb',
      'readlink',
      '/proc/self/ns/net',
    )
    expect(host.stdout).toMatch(/^net:\[\d+\]/)
  })

  it('refuses with 501 and a sentence what is not there yet', async () => {
    for (const options of [
      ['--health-cmd', 'true'],
      ['--link', 'other'],
      ['--storage-opt', 'size=1g'],
    ]) {
      const { code, stderr } = await daemon.docker('create', '--network', 'none', ...options, 'bb')
      expect([options, code, stderr]).toEqual([options, 1, expect.stringContaining('not supported yet')])
    }
    expect((await daemon.docker('create', 'bb')).stderr).toContain('use --network none or --network host')
    expect((await daemon.docker('network', 'create', 'x')).stderr).toContain('not supported yet')
  })
})
