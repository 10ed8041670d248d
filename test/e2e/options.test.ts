/** Options of create and run, seen from inside the container and in its control groups on the host. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundlePath } from '../../src/paths.ts'
import { ApiClient } from './api-client.ts'
import { Daemon } from './daemon.ts'

const unified = existsSync('/sys/fs/cgroup/cgroup.controllers')

describe('an option of run', () => {
  let daemon: Daemon
  let directory: string

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'options-'))
    daemon = await new Daemon().start()
    await daemon.importBusybox()
  })
  afterAll(async () => {
    await daemon?.destroy()
    rmSync(directory, { recursive: true, force: true })
  })

  const docker = (...words: string[]) => daemon.docker(...words)
  const run = (options: readonly string[], ...command: string[]) =>
    docker('run', '--rm', '--network', 'none', ...options, 'bb', ...command)
  const sh = async (script: string, ...options: string[]) => (await run(options, 'sh', '-c', script)).stdout

  async function background(...options: string[]): Promise<string> {
    const words = ['run', '-d', '--network', 'none', ...options, 'bb', 'sleep', '1000']
    const { stdout, stderr } = await docker(...words)
    expect(stderr).toBe('')
    return stdout.trim()
  }

  const pidOf = async (id: string) =>
    Number((await docker('inspect', '-f', '{{.State.Pid}}', id)).stdout.trim())

  /** What the kernel holds for a running container; the names of files are those of control groups v1 and v2. */
  function limit(id: string, controller: string, v1: string, v2: string): string {
    const parent = join('/sys/fs/cgroup', unified ? '' : controller, daemon.namespace, id)
    return readFileSync(join(parent, unified ? v2 : v1), 'utf8').trim()
  }

  describe('for the process', () => {
    it('puts an init before it, which reaps orphans and hands on its exit code', async () => {
      expect(await sh('ps -o args | head -2 | tail -1', '--init')).toMatch(/^\/sbin\/docker-init -- sh/)
      expect((await run(['--init'], 'sh', '-c', 'exit 7')).code).toBe(7)
      const orphan = '(sleep 0.1 &); exec sleep 1000'
      const start = async (...options: string[]) =>
        (await docker('run', '-d', '--network', 'none', ...options, 'bb', 'sh', '-c', orphan)).stdout.trim()
      const [without, within] = [await start(), await start('--init')]
      const zombies = (id: string) => sh('ps -o stat | grep -c ^Z', '--pid', `container:${id}`)
      await expect.poll(() => zombies(without), { timeout: 20_000 }).toBe('1\n')
      expect(await zombies(within)).toBe('0\n')
      await docker('rm', '-f', without, within)
    })

    it('is stopped through its init by a signal that it does not ignore', async () => {
      const id = await background('--init', '--stop-signal', 'TERM')
      expect((await docker('stop', '-t', '60', id)).code).toBe(0)
      expect((await docker('inspect', '-f', '{{.State.ExitCode}}', id)).stdout).toBe('143\n')
      await docker('rm', id)
    })

    it('sets its environment from words and files, its directory and its limits', async () => {
      const file = join(directory, 'env')
      writeFileSync(file, 'FROM=file\n# not this\n')
      const script = 'echo $FROM $ONE; pwd; ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj'
      const options = ['--env-file', file, '-e', 'ONE=1', '-w', '/a/b', '--ulimit', 'nofile=64:128']
      expect(await sh(script, ...options, '--oom-score-adj', '700')).toBe('file 1\n/a/b\n64\n128\n700\n')
    })

    it('shows annotations of newer clients in what the runtime gets', async () => {
      using api = new ApiClient(daemon.socket)
      const HostConfig = { NetworkMode: 'none', Annotations: { 'org.example.a': 'b' } }
      const id = await api.create({ Image: 'bb', Cmd: ['sleep', '1000'], HostConfig })
      await docker('start', id)
      const config = readFileSync(join(bundlePath(daemon, id), 'config.json'), 'utf8')
      expect(JSON.parse(config)).toMatchObject({ annotations: { 'org.example.a': 'b' } })
      await docker('rm', '-f', id)
    })
  })

  describe('for namespaces', () => {
    const namespace = async (kind: string, ...options: string[]) =>
      (await sh(`readlink /proc/self/ns/${kind}`, ...options)).trim()
    const hosts = (kind: string) => readNamespace(process.pid, kind)

    it.each([
      ['pid', '--pid'],
      ['uts', '--uts'],
      ['ipc', '--ipc'],
      ['cgroup', '--cgroupns'],
    ])('lets the host’s %s namespace be used', async (kind, flag) => {
      expect(await namespace(kind, flag, 'host')).toBe(hosts(kind))
    })

    it('makes own ones', async () => {
      for (const kind of ['pid', 'uts', 'ipc']) expect(await namespace(kind)).not.toBe(hosts(kind))
      expect(await namespace('cgroup', '--cgroupns', 'private')).not.toBe(hosts('cgroup'))
    })

    it('joins those of a container that runs, also after this has been started anew', async () => {
      const donor = await background('--ipc', 'shareable', '--name', 'donor')
      const joins = await background('--pid', 'container:donor', '--ipc', 'container:donor')
      await expectJoined(joins, donor)
      await docker('rename', 'donor', 'renamed')
      await docker('stop', '-t', '0', joins, donor)
      const refused = await docker('start', joins)
      expect(refused.stderr).toContain(`container ${donor} is not running`)
      await docker('start', donor)
      expect((await docker('start', joins)).code).toBe(0)
      await expectJoined(joins, donor)
      await docker('rm', '-f', joins, donor)
    })

    async function expectJoined(id: string, donor: string): Promise<void> {
      const [one, other] = [await pidOf(id), await pidOf(donor)]
      for (const kind of ['pid', 'ipc']) expect(readNamespace(one, kind)).toBe(readNamespace(other, kind))
      expect(readNamespace(one, 'uts')).not.toBe(readNamespace(other, 'uts'))
      expect(shmOf(one)).toBe(shmOf(other))
    }

    it('leaves no process behind in the host’s pid namespace', async () => {
      const script = 'sleep 987654 & sleep 987654 & exec sleep 987654'
      const options = ['run', '-d', '--network', 'none', '--pid', 'host', 'bb', 'sh', '-c', script]
      const id = (await docker(...options)).stdout.trim()
      const members = () => limit(id, 'pids', 'cgroup.procs', 'cgroup.procs').split('\n')
      await expect.poll(() => members().length, { timeout: 20_000 }).toBe(3)
      const pids = members()
      await docker('kill', id)
      await docker('wait', id)
      await expect
        .poll(() => pids.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 20_000 })
        .toEqual([])
      await docker('rm', id)
    })
  })

  describe('for resources', () => {
    it('is what the kernel holds the container to', async () => {
      const options =
        '-m 64m --memory-reservation 32m --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 --pids-limit 33'
      const id = await background(...options.split(' '))
      expect(limit(id, 'memory', 'memory.limit_in_bytes', 'memory.max')).toBe('67108864')
      expect(limit(id, 'memory', 'memory.soft_limit_in_bytes', 'memory.low')).toBe('33554432')
      expect(limit(id, 'cpu', 'cpu.cfs_quota_us', 'cpu.max')).toMatch(/^50000( 100000)?$/)
      expect(limit(id, 'cpu', 'cpu.shares', 'cpu.weight')).toMatch(/^(512|20)$/)
      expect(limit(id, 'cpuset', 'cpuset.cpus', 'cpuset.cpus')).toBe('0')
      expect(limit(id, 'pids', 'pids.max', 'pids.max')).toBe('33')
      await docker('rm', '-f', id)
    })

    it('throttles a device', async (context) => {
      const disk = readdirSync('/sys/block').find((name) => existsSync(`/dev/${name}`))
      if (disk === undefined) return context.skip()
      const numbers = readFileSync(`/sys/block/${disk}/dev`, 'utf8').trim()
      const throttles = ['--device-read-bps', `/dev/${disk}:1mb`, '--device-write-iops', `/dev/${disk}:9`]
      const id = await background(...throttles)
      const held = (v1: string) => limit(id, 'blkio', v1, 'io.max')
      expect(held('blkio.throttle.read_bps_device')).toMatch(new RegExp(`^${numbers} .*1048576`))
      expect(held('blkio.throttle.write_iops_device')).toMatch(new RegExp(`^${numbers} .*9`))
      await docker('rm', '-f', id)
    })
  })

  // loop-control: a device that a container does not get by itself (runc gives tun to all), and that can be opened without harm.
  describe('for devices', () => {
    it('makes one under another name, to be used as far as allowed', async () => {
      const script = 'stat -c "%t:%T" /dev/mine; head -c 1 /dev/mine'
      const { stdout, stderr } = await run(['--device', '/dev/loop-control:/dev/mine:w'], 'sh', '-c', script)
      expect(stdout).toBe('a:ed\n')
      expect(stderr).toContain('/dev/mine: Operation not permitted')
    })

    it('keeps out what was not asked for', async () => {
      const script = 'mknod /dev/mine c 10 237; head -c 1 /dev/mine'
      expect((await run([], 'sh', '-c', script)).stderr).toContain('Operation not permitted')
      const allowed = await run(['--device-cgroup-rule', 'c 10:* rw'], 'sh', '-c', script)
      // It was opened; there is nothing to read.
      expect(allowed.stderr).toBe('head: /dev/mine: Input/output error\n')
    })

    it('makes all of a directory', async () => {
      expect(await sh('ls /dev/of-the-net', '--device', '/dev/net:/dev/of-the-net')).toBe('tun\n')
    })

    it('fails the start, and no more, where there is none', async () => {
      const words = ['create', '--network', 'none', '--device', '/dev/no-such', 'bb', 'true']
      const id = (await docker(...words)).stdout.trim()
      const message =
        'error gathering device information while adding custom device "/dev/no-such": no such file or directory'
      expect((await docker('start', id)).stderr).toContain(message)
      expect((await docker('inspect', '-f', '{{.State.ExitCode}} {{.State.Error}}', id)).stdout).toBe(
        `128 ${message}\n`,
      )
      await docker('rm', id)
    })
  })

  describe('for mounts', () => {
    it('makes the source of -v on the host, but not that of --mount', async () => {
      const source = join(directory, 'made', 'here')
      const mount = `type=bind,src=${source},dst=/m`
      expect((await run(['--mount', mount], 'true')).stderr).toContain('bind source path does not exist')
      expect(existsSync(source)).toBe(false)
      expect((await run(['-v', `${source}:/m`], 'true')).code).toBe(0)
      expect(existsSync(source)).toBe(true)
    })

    it('takes what is mounted below a source along, unless it is told not to', async () => {
      const script = `grep -c ' /m/' /proc/self/mountinfo`
      expect(Number(await sh(script, '-v', `${daemon.root}:/m:ro`))).toBeGreaterThan(0)
      const flat = `type=bind,src=${daemon.root},dst=/m,bind-nonrecursive`
      expect(Number(await sh(script, '--mount', flat))).toBe(0)
    })

    it('gives a tmpfs its size, mode and owner', async () => {
      const options = ['--tmpfs', '/t:size=1m,mode=700,uid=1000']
      expect(await sh('stat -c "%a %u" /t; df -k /t | tail -1 | tr -s " " | cut -d" " -f2', ...options)).toBe(
        '700 1000\n1024\n',
      )
    })
  })

  describe('for security', () => {
    it('takes a seccomp profile from a file', async () => {
      const profile = join(directory, 'profile.json')
      const forbidden = { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }
      writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [forbidden] }))
      const { stderr, code } = await run(['--security-opt', `seccomp=${profile}`], 'mkdir', '/x')
      expect([stderr, code]).toEqual(["mkdir: can't create directory '/x': Operation not permitted\n", 1])
    })

    it('shows all of /proc where that is asked for', async () => {
      const script = `grep -c ' /proc/' /proc/self/mountinfo`
      expect(Number(await sh(script))).toBeGreaterThan(0)
      expect(Number(await sh(script, '--security-opt', 'systempaths=unconfined'))).toBe(0)
    })

    it('gives a privileged container the host’s devices and a writable /sys', async () => {
      const script = 'test -c /dev/net/tun && grep " /sys sysfs " /proc/mounts | cut -d" " -f4 | cut -d, -f1'
      expect(await sh(script, '--privileged')).toBe('rw\n')
    })
  })

  it('is still there after the daemon was started anew', async () => {
    const options = ['--init', '--device', '/dev/net/tun:/dev/mine', '--ipc', 'shareable', '--uts', 'host']
    const words = ['create', '--network', 'none', ...options, 'bb', 'stat', '-c', '%t:%T', '/dev/mine']
    const id = (await docker(...words)).stdout.trim()
    await daemon.end()
    await daemon.launch()
    expect((await docker('start', '-a', id)).stdout).toBe('a:c8\n')
    const format =
      '{{.HostConfig.Init}} {{.HostConfig.IpcMode}} {{.HostConfig.UTSMode}} {{.HostConfig.Devices}}'
    expect((await docker('inspect', '-f', format, id)).stdout).toBe(
      'true shareable host [{/dev/net/tun /dev/mine rwm}]\n',
    )
    await docker('rm', id)
  })
})

const readNamespace = (pid: number, kind: string): string => readlinkSync(`/proc/${pid}/ns/${kind}`)

/** The number of the file system that a process sees at /dev/shm. */
function shmOf(pid: number): string | undefined {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n')
  return lines.map((line) => line.split(' ')).find(([, , , , target]) => target === '/dev/shm')?.[2]
}
