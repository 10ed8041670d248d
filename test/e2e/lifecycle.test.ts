/** The main job with the real docker CLI, runc and kernel, with the supervisor in the daemon's process and in one of its own. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon } from './daemon.ts'

describe.each([
  { mode: 'one process', twoProcesses: false },
  { mode: 'two processes', twoProcesses: true },
])('docker with tallyd in $mode', ({ twoProcesses }) => {
  let daemon: Daemon
  const docker = (...args: string[]) => daemon.docker(...args)
  const inspect = async (ref: string) => JSON.parse((await docker('inspect', ref)).stdout)[0]
  const history = async (ref: string) =>
    (await daemon.tally('history', '--json', ref)).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))

  beforeAll(async () => {
    daemon = await new Daemon({ twoProcesses }).start()
    await daemon.importBusybox()
  })
  afterAll(() => daemon?.destroy())

  it('runs a command in the foreground and passes its output and exit code on', async () => {
    const result = await docker(
      'run',
      '--rm',
      '--network',
      'none',
      'bb',
      'sh',
      '-c',
      'echo out; echo err >&2; exit 7',
    )
    expect(result).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' })
  })

  it('passes every byte of a long output on, also of a process that ends at once', async () => {
    const { stdout, code } = await docker('run', '--rm', '--network', 'none', 'bb', 'seq', '1', '200000')
    expect(code).toBe(0)
    expect(stdout.length).toBe(1_288_895)
    expect(stdout.endsWith('\n200000\n')).toBe(true)
  })

  it('goes create, start, wait, logs, start again, rm', async () => {
    const { stdout } = await docker(
      'create',
      '--network',
      'none',
      '--name',
      'life',
      'bb',
      'sh',
      '-c',
      'echo hello; exit 3',
    )
    const id = stdout.trim()
    expect(id).toMatch(/^[0-9a-f]{64}$/)
    expect((await inspect('life')).State.Status).toBe('created')
    expect(await docker('start', 'life')).toEqual({ code: 0, stdout: 'life\n', stderr: '' })
    expect((await docker('wait', 'life')).stdout).toBe('3\n')
    expect((await docker('logs', 'life')).stdout).toBe('hello\n')
    await docker('start', 'life')
    expect((await docker('wait', id.slice(0, 12))).stdout).toBe('3\n')
    expect((await docker('logs', 'life')).stdout).toBe('hello\nhello\n')
    expect((await docker('rm', 'life')).code).toBe(0)
    expect((await docker('inspect', 'life')).code).toBe(1)
    expect(readdirSync(join(daemon.dataRoot, 'overlay2'))).not.toContain(id)
  })

  it('leaves on disk what the chain leaves, and nothing once the container has ended', async () => {
    const id = (
      await docker('run', '-d', '--network', 'none', '--name', 'disk', 'bb', 'sleep', '1000')
    ).stdout.trim()
    const container = join(daemon.dataRoot, 'containers', id)
    const bundle = join(daemon.execRoot, 'libcontainerd', id)
    const task = join(daemon.execRoot, 'libcontainerd', 'containerd', id, 'init')
    expect(daemon.mounts()).toContain(join(daemon.dataRoot, 'overlay2', id, 'merged'))
    expect(daemon.mounts()).toContain(join(container, 'shm'))
    for (const name of [
      'hostname',
      'hosts',
      'resolv.conf',
      'resolv.conf.hash',
      'checkpoints',
      `${id}-json.log`,
    ])
      expect(existsSync(join(container, name)), name).toBe(true)
    expect(readFileSync(join(container, 'hostname'), 'utf8')).toBe(`${id.slice(0, 12)}\n`)
    for (const name of ['hostname', 'hosts', 'resolv.conf'])
      expect(statSync(join(daemon.dataRoot, 'overlay2', `${id}-init`, 'diff/etc', name)).size).toBe(0)
    const spec = JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8'))
    expect(spec.linux.cgroupsPath.endsWith(`/${id}`)).toBe(true)
    for (const name of ['init-stdin', 'init-stdout', 'init-stderr'])
      expect(statSync(join(bundle, name)).isFIFO(), name).toBe(true)
    for (const name of ['control', 'exit']) expect(statSync(join(task, name)).isFIFO(), name).toBe(true)
    for (const name of ['process.json', 'pid', 'starttime', 'log.json', 'shim-log.json'])
      expect(existsSync(join(task, name)), name).toBe(true)
    expect(Number(readFileSync(join(task, 'pid'), 'utf8'))).toBe((await inspect('disk')).State.Pid)

    expect((await docker('kill', 'disk')).code).toBe(0)
    expect((await inspect('disk')).State).toMatchObject({
      Status: 'exited',
      ExitCode: 137,
      Running: false,
      Pid: 0,
    })
    expect(daemon.mounts().filter((mount) => mount.includes(id))).toEqual([])
    expect(existsSync(bundle)).toBe(false)
    expect(existsSync(join(task, '..'))).toBe(false)
    expect(existsSync(`/sys/fs/cgroup/memory/${daemon.namespace}/${id}`)).toBe(false)
    await docker('rm', 'disk')
    expect(existsSync(container)).toBe(false)
  })

  it('records every milestone of a start in the log', async () => {
    await docker('run', '--network', 'none', '--name', 'told', 'bb', 'true')
    const types = (await history('told')).map(({ type }) => type)
    expect(types.filter((type) => type !== 'Attached')).toEqual([
      'ContainerCreated',
      'StartRequested',
      'RootfsMounted',
      'BundlePrepared',
      'ShimStarted',
      'PidRecorded',
      'ProcessStarted',
      'ProcessExited',
      'Released',
    ])
    expect((await daemon.tally('history', 'told')).stdout).toContain('PidRecorded')
    await docker('rm', 'told')
  })

  it('stops with SIGTERM, and with SIGKILL after the time-out', async () => {
    const trap = 'trap "exit 5" TERM; while true; do sleep 0.1; done'
    await docker('run', '-d', '--network', 'none', '--name', 'polite', 'bb', 'sh', '-c', trap)
    await docker('run', '-d', '--network', 'none', '--name', 'deaf', 'bb', 'sleep', '1000')
    expect((await docker('stop', 'polite')).code).toBe(0)
    expect((await docker('stop', '-t', '1', 'deaf')).code).toBe(0)
    expect((await inspect('polite')).State.ExitCode).toBe(5)
    expect((await inspect('deaf')).State.ExitCode).toBe(137)
    expect((await history('deaf')).map(({ type }) => type)).toContain('StopDeadlinePassed')
    await docker('rm', 'polite', 'deaf')
  })

  it('restarts, renames and removes by force', async () => {
    await docker('run', '-d', '--network', 'none', '--name', 'again', 'bb', 'sleep', '1000')
    const before = (await inspect('again')).State.Pid
    expect((await docker('restart', '-t', '0', 'again')).code).toBe(0)
    const after = (await inspect('again')).State
    expect(after.Running).toBe(true)
    expect(after.Pid).not.toBe(before)
    expect((await docker('rename', 'again', 'anew')).code).toBe(0)
    expect((await inspect('anew')).Name).toBe('/anew')
    expect((await docker('rm', 'anew')).stderr).toContain('cannot remove')
    expect((await docker('rm', '-f', 'anew')).code).toBe(0)
  })

  it('refuses in Docker’s words', async () => {
    await docker('create', '--network', 'none', '--name', 'taken', 'bb')
    expect((await docker('create', '--network', 'none', '--name', 'taken', 'bb')).stderr).toContain(
      'Conflict. The container name "/taken" is already in use by container',
    )
    expect((await docker('start', 'nobody')).stderr).toContain('No such container: nobody')
    expect((await docker('kill', 'taken')).stderr).toContain('is not running')
    expect((await docker('run', '--rm', '--network', 'none', 'absent-image')).code).toBe(125)
    expect((await docker('rm', 'taken')).code).toBe(0)
  })

  it('gives 127 and 126 for commands that are not there or can’t be run', async () => {
    const missing = await docker('run', '--rm', '--network', 'none', 'bb', 'nosuchcmd')
    expect(missing.code).toBe(127)
    expect(missing.stderr).toContain('executable file not found in $PATH')
    const kept = await docker('run', '--network', 'none', '--name', 'kept', 'bb', 'nosuchcmd')
    expect([kept.code, kept.stderr]).toEqual([127, expect.not.stringContaining('Error waiting')])
    expect((await inspect('kept')).State).toMatchObject({ Status: 'created', ExitCode: 127 })
    await docker('rm', 'kept')
    const directory = await docker('run', '--rm', '--network', 'none', 'bb', '/etc')
    expect(directory.code).toBe(126)
    expect(directory.stderr).toMatch(/permission denied|is a directory/)
    expect(daemon.mounts().filter((mount) => mount.includes('merged'))).toEqual([])
  })

  it('tells an out-of-memory death', async () => {
    const eat = 'x=a; while true; do x=$x$x; done'
    await docker('run', '--network', 'none', '--name', 'hungry', '-m', '16m', 'bb', 'sh', '-c', eat)
    const { State } = await inspect('hungry')
    expect(State).toMatchObject({ OOMKilled: true, ExitCode: 137, Status: 'exited' })
    const types = (await history('hungry')).map(({ type }) => type)
    expect(types.indexOf('OomKilled')).toBeLessThan(types.indexOf('ProcessExited'))
    await docker('rm', 'hungry')
  })

  it('removes a container of run --rm by itself', async () => {
    const { stdout } = await docker(
      'run',
      '-d',
      '--rm',
      '--network',
      'none',
      '--name',
      'brief',
      'bb',
      'sleep',
      '1000',
    )
    await docker('kill', 'brief')
    await docker('wait', stdout.trim())
    expect((await docker('ps', '-aq', '--no-trunc')).stdout).not.toContain(stdout.trim())
  })

  it('passes stdin on to its end', async () => {
    const result = await daemon.dockerWithInput(
      'one\ntwo\n',
      'run',
      '-i',
      '--rm',
      '--network',
      'none',
      'bb',
      'wc',
      '-l',
    )
    expect(result).toEqual({ code: 0, stdout: '2\n', stderr: '' })
  })

  it('follows logs to the end and cuts them by tail and time', async () => {
    const script = 'for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done'
    await docker('run', '-d', '--network', 'none', '--name', 'chatty', 'bb', 'sh', '-c', script)
    expect((await docker('logs', '-f', 'chatty')).stdout).toBe('line 1\nline 2\nline 3\nline 4\nline 5\n')
    expect((await docker('logs', '--tail', '2', 'chatty')).stdout).toBe('line 4\nline 5\n')
    const stamped = (await docker('logs', '-t', 'chatty')).stdout.trim().split('\n')
    const third = stamped[2]?.split(' ')[0] ?? ''
    expect((await docker('logs', '--since', third, 'chatty')).stdout).toBe('line 3\nline 4\nline 5\n')
    expect((await docker('logs', '--until', third, 'chatty')).stdout).toBe('line 1\nline 2\nline 3\n')
    await docker('rm', 'chatty')
  })

  it('shows events of any time back from the log, in Docker’s order', async () => {
    const since = String(Date.now() / 1000)
    await docker('run', '--rm', '--network', 'none', '--name', 'watched', 'bb', 'true')
    await docker('run', '-d', '--network', 'none', '--name', 'stopped', 'bb', 'sleep', '1000')
    await docker('stop', '-t', '0', 'stopped')
    await docker('rm', 'stopped')
    const actions = async (name: string) => {
      const args = ['events', '--since', since, '--until', String(Date.now() / 1000 + 1)]
      const { stdout } = await docker(...args, '--filter', `container=${name}`, '--format', '{{.Action}}')
      return stdout.trim().split('\n')
    }
    expect(await actions('watched')).toEqual(['create', 'attach', 'start', 'die', 'destroy'])
    expect((await actions('stopped')).filter((action, at, all) => all.indexOf(action) === at)).toEqual([
      'create',
      'start',
      'kill',
      'die',
      'stop',
      'destroy',
    ])
  })

  it('lists with filters', async () => {
    await docker('run', '-d', '--network', 'none', '--name', 'up', '--label', 'x=1', 'bb', 'sleep', '1000')
    await docker('create', '--network', 'none', '--name', 'made', 'bb')
    const names = async (...args: string[]) =>
      (await docker('ps', '--format', '{{.Names}}', ...args)).stdout.trim()
    expect(await names()).toBe('up')
    expect(await names('-a', '--filter', 'status=created')).toBe('made')
    expect(await names('--filter', 'label=x=1')).toBe('up')
    expect(await names('-a', '--filter', 'name=mad')).toBe('made')
    expect((await docker('ps')).stdout).toMatch(/Up .* second/)
    await docker('rm', '-f', 'up', 'made')
  })

  it('survives kill -9: the container goes on, its log grows, its exit is recorded', async () => {
    const script = 'trap "exit 9" TERM; i=0; while true; do echo $i; i=$((i+1)); sleep 0.1; done'
    await docker('run', '-d', '--network', 'none', '--name', 'survivor', 'bb', 'sh', '-c', script)
    const { Pid } = (await inspect('survivor')).State
    await daemon.end('SIGKILL')
    await daemon.start()
    const lines = async () => (await docker('logs', 'survivor')).stdout.trim().split('\n')
    expect((await inspect('survivor')).State).toMatchObject({ Running: true, Pid })
    const then = (await lines()).length
    while ((await lines()).length <= then) await sleep(50)
    await docker('kill', '-s', 'TERM', 'survivor')
    expect((await docker('wait', 'survivor')).stdout).toBe('9\n')
    const all = await lines()
    expect(all).toEqual(all.map((_, at) => String(at)))
    await docker('rm', 'survivor')
  })

  it.runIf(twoProcesses)('survives kill -9 of the supervisor alone', async () => {
    const script = 'trap "exit 6" TERM; while true; do sleep 0.1; done'
    await docker('run', '-d', '--network', 'none', '--name', 'orphan', 'bb', 'sh', '-c', script)
    await daemon.endSupervisor('SIGKILL')
    await daemon.startSupervisor()
    expect((await inspect('orphan')).State.Running).toBe(true)
    expect((await docker('kill', '-s', 'TERM', 'orphan')).code).toBe(0)
    expect((await docker('wait', 'orphan')).stdout).toBe('6\n')
    await docker('rm', 'orphan')
  })

  it('records an exit that happened while it was down, with the real code and time', async () => {
    await docker('run', '-d', '--network', 'none', '--name', 'away', 'bb', 'sh', '-c', 'sleep 0.5; exit 4')
    await daemon.end('SIGKILL')
    await sleep(1500)
    const restartedAt = Date.now()
    await daemon.start()
    await docker('wait', 'away')
    const { State } = await inspect('away')
    expect(State.ExitCode).toBe(4)
    expect(Date.parse(State.FinishedAt)).toBeLessThan(restartedAt)
    await docker('rm', 'away')
  })

  it('answers ctr: tasks, pause, resume, kill', async () => {
    const id = (
      await docker('run', '-d', '--network', 'none', '--name', 'seen', 'bb', 'sleep', '1000')
    ).stdout.trim()
    expect((await daemon.ctr('tasks', 'ls')).stdout).toMatch(new RegExp(`${id}\\s+\\d+\\s+RUNNING`))
    expect((await daemon.ctr('containers', 'ls')).stdout).toContain(id)
    expect((await daemon.ctr('tasks', 'pause', id)).code).toBe(0)
    expect((await inspect('seen')).State.Status).toBe('paused')
    expect((await daemon.ctr('tasks', 'resume', id)).code).toBe(0)
    expect((await inspect('seen')).State.Status).toBe('running')
    expect((await daemon.ctr('tasks', 'kill', '-s', 'SIGKILL', id)).code).toBe(0)
    await docker('wait', 'seen')
    expect((await inspect('seen')).State.ExitCode).toBe(137)
    await docker('rm', 'seen')
  })
})
