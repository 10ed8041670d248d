import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test as it } from 'vitest'
import { cgroups } from '../../../src/kernel/cgroups.ts'
import { BundleRun } from './bundle-run.ts'

let bundles: BundleRun

beforeAll(async () => {
  bundles = await BundleRun.create()
})

afterAll(async () => {
  await bundles[Symbol.asyncDispose]()
})

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8)

describe('On disk, the bundle worker', () => {
  it('leaves config.json and the named pipes, for root only', async () => {
    const job = await bundles.job({ config: { OpenStdin: true } })
    await bundles.prepare(job)
    const bundle = bundles.bundle(job)
    expect((await readdir(bundle)).sort()).toEqual([
      'config.json',
      'init-stderr',
      'init-stdin',
      'init-stdout',
    ])
    expect(modeOf(join(bundle, 'config.json'))).toBe('600')
    expect(modeOf(join(bundle, 'init-stdout'))).toBe('600')
    expect(statSync(join(bundle, 'init-stderr')).isFIFO()).toBe(true)
    expect(Number.parseInt(modeOf(bundle), 8) & 0o066).toBe(0)
  })

  it('makes the pipe of a stdin that is not open, too', async () => {
    const job = await bundles.job()
    await bundles.prepare(job)
    expect(existsSync(join(bundles.bundle(job), 'init-stdin'))).toBe(true)
  })

  it('answers with the bundle and can be run again', async () => {
    const job = await bundles.job()
    const { signal } = new AbortController()
    const expected = [{ type: 'BundlePrepared', runId: 'run', bundle: bundles.bundle(job) }]
    expect(await bundles.worker.perform(job, signal)).toEqual(expected)
    const first = await readFile(join(bundles.bundle(job), 'config.json'), 'utf8')
    expect(await bundles.worker.perform(job, signal)).toEqual(expected)
    expect(await readFile(join(bundles.bundle(job), 'config.json'), 'utf8')).toBe(first)
  })

  it('takes the bundle away, also twice and also if it was never made', async () => {
    const job = await bundles.job()
    await bundles.worker.undo(job)
    await bundles.prepare(job)
    await bundles.worker.undo(job)
    await bundles.worker.undo(job)
    expect(existsSync(bundles.bundle(job))).toBe(false)
  })

  it('fails for an unknown user with exit code 128 and the words of Docker', async () => {
    const job = await bundles.job({ config: { User: 'nobody' } })
    await expect(bundles.prepare(job)).rejects.toMatchObject({
      message: 'unable to find user nobody: no matching entries in passwd file',
      exitCode: 128,
      step: 'prepareBundle',
    })
  })

  it('stops between its parts when it is aborted', async () => {
    const job = await bundles.job()
    await expect(bundles.worker.perform(job, AbortSignal.abort())).rejects.toThrow('aborted')
    expect(existsSync(bundles.bundle(job))).toBe(false)
  })
})

describe('An image that sets traps', () => {
  it('can not make the daemon read accounts outside of it', async () => {
    await writeFile(bundles.hostPath('passwd'), 'evil:x:77:77::/:/bin/sh\n')
    const job = await bundles.job({ config: { User: 'evil' } })
    const passwd = join(bundles.rootfs(job), 'etc/passwd')
    await rm(passwd)
    await symlink(bundles.hostPath('passwd'), passwd)
    await expect(bundles.prepare(job)).rejects.toThrow('unable to find user evil')
  })

  it('can not block the daemon with a named pipe for /etc/passwd', async () => {
    const job = await bundles.job({ config: { User: '5' } })
    const passwd = join(bundles.rootfs(job), 'etc/passwd')
    await rm(passwd)
    execFileSync('mkfifo', [passwd])
    await bundles.prepare(job)
    expect(existsSync(bundles.bundle(job))).toBe(true)
  })

  it('can not make the working directory appear outside of it', async () => {
    const outside = bundles.hostPath('outside')
    await mkdir(outside)
    const job = await bundles.job({ config: { WorkingDir: '/link/made' } })
    await symlink(outside, join(bundles.rootfs(job), 'link'))
    await bundles.prepare(job).catch(() => undefined)
    expect(await readdir(outside)).toEqual([])
  })

  it('with a file where the working directory should be is refused', async () => {
    const job = await bundles.job({ config: { WorkingDir: '/bin/busybox' } })
    await expect(bundles.prepare(job)).rejects.toThrow('Cannot mkdir: /bin/busybox is not a directory')
  })
})

describe('Inside a container', () => {
  it('unshare, mount and keyctl are not permitted', async () => {
    const { stderr, stdout } = await bundles.sh(
      'mount -t tmpfs x /tmp; unshare -m true; unshare -U true; grep Seccomp: /proc/self/status',
    )
    expect(stderr).toMatch(/mount: permission denied/)
    expect(stderr.match(/unshare: .*Operation not permitted/g)).toHaveLength(2)
    expect(stdout).toMatch(/Seccomp:\s+2/)
  })

  it('keyctl(2) answers EPERM by the filter, and without a filter it does not', async () => {
    const perl = async (changes: object) => {
      const job = await bundles.job({
        config: { Cmd: ['/usr/bin/perl', '-e', 'syscall(250, 0, -3, 0); print $!+0'] },
        hostConfig: { Binds: ['/usr:/usr:ro', '/lib:/lib:ro', '/lib64:/lib64:ro'], ...changes },
      })
      await bundles.prepare(job)
      return (await bundles.run(job)).stdout
    }
    expect(await perl({})).toBe('1')
    expect(await perl({ SecurityOpt: ['seccomp=unconfined'] })).not.toBe('1')
  })

  it('the capabilities are the fourteen of Docker, none of them inheritable', async () => {
    const { stdout } = await bundles.sh('grep Cap /proc/self/status')
    const sets = Object.fromEntries(stdout.split('\n').map((line) => line.split(/:\s+/)))
    expect(sets).toMatchObject({
      CapInh: '0000000000000000',
      CapPrm: '00000000a80425fb',
      CapEff: '00000000a80425fb',
      CapBnd: '00000000a80425fb',
      CapAmb: '0000000000000000',
    })
  })

  it('another user than root has capabilities in the bounding set only', async () => {
    const { stdout } = await bundles.sh('grep Cap /proc/self/status', { config: { User: '7:8' } })
    expect(stdout).toMatch(/CapEff:\s+0000000000000000/)
    expect(stdout).toMatch(/CapBnd:\s+00000000a80425fb/)
  })

  it('added and dropped capabilities hold', async () => {
    const { stdout } = await bundles.sh('grep CapEff /proc/self/status', {
      hostConfig: { CapDrop: ['ALL'], CapAdd: ['kill'] },
    })
    expect(stdout).toMatch(/CapEff:\s+0000000000000020/)
  })

  it('masked paths show nothing and read-only ones can not be written', async () => {
    const { stdout, stderr } = await bundles.sh(
      'cat /proc/kcore /proc/keys /proc/timer_list; ls /sys/firmware; touch /proc/sys/kernel/panic',
    )
    expect(stdout).toBe('')
    expect(stderr).toMatch(/read-only file system/i)
  })

  it('the root file system is read-only when it is asked for, /dev/shm is not', async () => {
    const { stdout, stderr } = await bundles.sh('touch /a /etc/hosts; touch /dev/shm/b && echo ok', {
      hostConfig: { ReadonlyRootfs: true },
    })
    expect(stderr).toMatch(/touch: \/a: Read-only file system/)
    expect(stderr).toMatch(/touch: \/etc\/hosts: Read-only file system/)
    expect(stdout).toBe('ok\n')
  })

  it('a tmpfs has the size and mode that were asked for', async () => {
    const { stdout } = await bundles.sh('grep " /t " /proc/mounts; stat -c %a /t', {
      hostConfig: { Tmpfs: { '/t': 'size=1m,mode=700,exec' } },
    })
    expect(stdout).toMatch(/^tmpfs \/t tmpfs rw,nosuid,nodev,relatime,size=1024k,mode=700/)
    expect(stdout).not.toMatch(/noexec/)
    expect(stdout).toMatch(/^700$/m)
  })

  it('binds show the host, read-only if so asked, and make missing sources', async () => {
    const source = bundles.hostPath('made/for/bind')
    await writeFile(bundles.hostPath('note'), 'hello')
    const { stdout, stderr } = await bundles.sh('cat /deep/down/note; touch /there/x /else/y', {
      hostConfig: {
        Binds: [`${bundles.hostPath('note')}:/deep/down/note`, `${source}:/there:ro`],
        Mounts: [{ Type: 'bind', Source: source, Target: '/else' }],
      },
    })
    expect(stdout).toBe('hello')
    expect(stderr).toMatch(/\/there\/x: Read-only file system/)
    expect(await readdir(source)).toEqual(['y'])
    expect(modeOf(source)).toBe('755')
  })

  it('a user is found by name, with home and groups', async () => {
    const { stdout } = await bundles.sh('id; env', {
      config: { User: 'bob' },
      hostConfig: { GroupAdd: ['video', '99'] },
    })
    expect(stdout).toMatch(/uid=1000\(bob\) gid=1001\(bobs\)/)
    expect(stdout).toMatch(/groups=29\(audio\),44\(video\),99,1001\(bobs\)/)
    expect(stdout).toMatch(/^HOME=\/home\/bob$/m)
    expect(stdout).toMatch(/^HOSTNAME=box$/m)
    expect(stdout).toMatch(/^PATH=\/usr\/local\/sbin:/m)
  })

  it('the working directory is made, owned by root', async () => {
    const { stdout } = await bundles.sh('pwd; stat -c "%u %a" .', { config: { WorkingDir: '/a/b/c' } })
    expect(stdout).toBe('/a/b/c\n0 755\n')
  })

  it('host name and the files of the engine are its own', async () => {
    const { stdout } = await bundles.sh('hostname; cat /etc/hostname; grep -c localhost /etc/hosts')
    expect(stdout).toMatch(/^box\nbox\n[1-9]/)
  })

  it('limits of memory, pids and cpu are in its control groups', async () => {
    const { version } = await cgroups()
    const files =
      version === 'v2'
        ? ['memory.max', 'pids.max', 'cpu.max', 'cpu.weight']
        : [
            'memory/memory.limit_in_bytes',
            'memory/memory.memsw.limit_in_bytes',
            'pids/pids.max',
            'cpu/cpu.cfs_quota_us',
            'cpu/cpu.shares',
            'cpuset/cpuset.cpus',
          ]
    const { stdout } = await bundles.sh(`cd /sys/fs/cgroup; cat ${files.join(' ')}`, {
      hostConfig: {
        Memory: 67_108_864,
        PidsLimit: 20,
        NanoCpus: 500_000_000,
        CpuShares: 512,
        CpusetCpus: '0',
      },
    })
    const expected =
      version === 'v2'
        ? ['67108864', '20', '50000 100000', '20']
        : ['67108864', '134217728', '20', '50000', '512', '0']
    expect(stdout.trim().split('\n')).toEqual(expected)
  })

  it('open files have the limit of the daemon, or what was asked for', async () => {
    const script = 'ulimit -Sn; ulimit -Hn; ulimit -c'
    const plain = await bundles.sh(script)
    const asked = await bundles.sh(script, {
      hostConfig: {
        Ulimits: [
          { Name: 'nofile', Soft: 100, Hard: 200 },
          { Name: 'core', Soft: -1, Hard: -1 },
        ],
      },
    })
    const [soft, hard] = plain.stdout.split('\n')
    expect(soft).toBe(hard)
    expect(asked.stdout).toBe('100\n200\nunlimited\n')
  })

  it('no-new-privileges and the OOM score adjustment hold', async () => {
    const { stdout } = await bundles.sh('grep NoNewPrivs /proc/self/status; cat /proc/self/oom_score_adj', {
      hostConfig: { SecurityOpt: ['no-new-privileges'], OomScoreAdj: 55 },
    })
    expect(stdout).toMatch(/NoNewPrivs:\s+1\n55\n/)
  })

  it('there is no network but the loopback, and pinging needs no capability', async () => {
    const { stdout } = await bundles.sh(
      'ls /sys/class/net; cat /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_unprivileged_port_start',
    )
    expect(stdout.split('\n')).toContain('lo')
    expect(stdout).not.toContain('eth0')
    expect(stdout).toMatch(/0\s+2147483647\n0\n/)
  })

  it('on the host network it is in the network namespace of the host', async () => {
    const inside = await bundles.sh('stat -L -c %i /proc/self/ns/net', {
      hostConfig: { NetworkMode: 'host' },
    })
    expect(inside.stdout.trim()).toBe(String(statSync('/proc/self/ns/net').ino))
  })

  it('privileged it may mount, sees the devices of the host and has all that the daemon has', async () => {
    const { stdout } = await bundles.sh(
      'mount -t tmpfs x /tmp && echo mounted; grep -e CapEff -e Seccomp: /proc/self/status; ls /dev; touch /proc/sys/kernel/panic && echo writable',
      { hostConfig: { Privileged: true } },
    )
    const own = /^CapBnd:\s+(\w+)$/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]
    expect(stdout).toMatch(/^mounted$/m)
    expect(stdout).toMatch(/^writable$/m)
    expect(stdout).toMatch(new RegExp(`CapEff:\\s+${own}`))
    expect(stdout).toMatch(/Seccomp:\s+0/)
    expect(stdout).toMatch(/^kmsg$/m)
  })
})
