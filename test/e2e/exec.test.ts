/** More processes in a container that runs, from the docker CLI down to the process. */
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectSupervisor } from '../../src/supervisor/grpc/client.ts'
import { ApiClient } from './api-client.ts'
import { Daemon, run } from './daemon.ts'
import { holdings } from './load.ts'
import { TerminalClient } from './terminal-client.ts'

/** MiB that go through; 100 is what was promised. */
const amount = Number(process.env.TALLY_STREAM_MIB ?? 16)

/** KiB by which the daemon may grow while they do. */
const growth = 160 * 1024

describe('docker exec', () => {
  let daemon: Daemon
  let api: ApiClient
  const exec = (...args: readonly string[]) => daemon.docker('exec', ...args)
  const sh = (line: string) => run('sh', ['-c', line])
  const docker = () => `docker -H unix://${daemon.socket}`
  const runOne = (name: string, ...options: readonly string[]) =>
    daemon.docker('run', '-d', '--network', 'none', '--name', name, ...options, 'bb', 'sleep', '1000')

  const createExec = async (name: string, body: object): Promise<string> =>
    JSON.parse(await api.ask('POST', `/containers/${name}/exec`, JSON.stringify(body))).Id
  const startExec = (id: string) => api.send('POST', `/exec/${id}/start`, JSON.stringify({ Detach: true }))
  const inspectExec = async (id: string) => JSON.parse(await api.ask('GET', `/exec/${id}/json`))
  const execIds = async (name: string): Promise<readonly string[] | null> =>
    JSON.parse(await api.ask('GET', `/containers/${name}/json`)).ExecIDs
  /** Those that have a process. */
  const runningExecs = async (name: string): Promise<number> => {
    const all = await Promise.all(((await execIds(name)) ?? []).map(inspectExec))
    return all.filter(({ Pid }) => Pid > 0).length
  }
  const ended = (id: string) =>
    expect.poll(async () => (await inspectExec(id)).Running, { timeout: 60_000 }).toBe(false)
  const messagesOf = async (name: string): Promise<string> => {
    const soon = ((Date.now() + 100) / 1000).toFixed(3)
    const range = ['--since', '1h', '--until', soon, '--filter', `container=${name}`]
    return (await daemon.docker('events', ...range, '--format', '{{.Action}}')).stdout
  }

  beforeAll(async () => {
    daemon = await new Daemon().start()
    api = new ApiClient(daemon.socket)
    await daemon.importBusybox()
    await runOne('web', '-e', 'A=1', '-w', '/tmp')
  })
  afterAll(async () => {
    api?.[Symbol.dispose]()
    await daemon?.destroy()
  })

  it('gives both outputs, apart, and the exit code', async () => {
    const answer = await exec('web', 'sh', '-c', 'echo out; echo err >&2; exit 9')
    expect(answer).toEqual({ code: 9, stdout: 'out\n', stderr: 'err\n' })
  })

  it('runs with the container’s environment, directory and user, unless it is given others', async () => {
    const script = 'echo $A $B $PWD $(id -u):$(id -g)'
    expect((await exec('web', 'sh', '-c', script)).stdout).toBe('1 /tmp 0:0\n')
    const given = ['-e', 'B=2', '-w', '/etc', '-u', 'app', 'web']
    expect((await exec(...given, 'sh', '-c', script)).stdout).toBe('1 2 /etc 1000:1000\n')
  })

  it('has more rights only if it is privileged', async () => {
    const rights = async (...options: readonly string[]): Promise<bigint> =>
      BigInt(
        `0x${/CapEff:\s+(\w+)/.exec((await exec(...options, 'web', 'cat', '/proc/self/status')).stdout)?.[1]}`,
      )
    const [plain, privileged] = [await rights(), await rights('--privileged')]
    expect(privileged).toBeGreaterThan(plain)
  })

  it('says in Docker’s words why a program can’t be started', async () => {
    const answer = await exec('web', 'no-such-command')
    expect(answer.code).toBe(126)
    expect(answer.stdout).toContain('OCI runtime exec failed: exec failed')
    expect(answer.stdout).toContain('"no-such-command": executable file not found in $PATH')
    expect(await execIds('web')).toBeNull()
  })

  it('is refused while the container is paused', async () => {
    const id = JSON.parse(await api.ask('GET', '/containers/web/json')).Id
    const made = await createExec('web', { Cmd: ['true'] })
    await daemon.ctr('tasks', 'pause', id)
    await expect
      .poll(async () => (await exec('web', 'true')).stderr, { timeout: 30_000 })
      .toMatch(/Container web is paused, unpause the container before exec/)
    expect(await startExec(made)).toMatchObject({ status: 409 })
    await daemon.ctr('tasks', 'resume', id)
    await expect.poll(async () => (await exec('web', 'true')).code, { timeout: 30_000 }).toBe(0)
    expect(await startExec(made)).toMatchObject({ status: 200 })
    await ended(made)
  })

  it(`takes ${amount} MiB byte for byte, and the daemon does not grow by them`, async () => {
    const [sent, received] = [join(daemon.root, 'sent'), join(daemon.root, 'received')]
    await sh(`head -c ${amount * 1024 * 1024} /dev/urandom >${sent}`)
    const before = residentKib(daemon.pid)
    expect((await sh(`${docker()} exec -i web cat <${sent} >${received}`)).code).toBe(0)
    expect((await run('cmp', [sent, received])).stdout).toBe('')
    expect(residentKib(daemon.pid) - before).toBeLessThan(growth)
  })

  it('keeps what was written until a slow reader has taken it, also when the process has ended', async () => {
    const counted = await sh(`${docker()} exec web seq 1 200000 | { sleep 4; wc -l; }`)
    expect(counted.stdout.trim()).toBe('200000')
    expect((await sh(`${docker()} exec web seq 1 9000 | { sleep 4; tail -n 1; }`)).stdout).toBe('9000\n')
  })

  it('ends with its process, whatever that has left behind', async () => {
    const { code, stdout } = await exec('web', 'sh', '-c', 'sleep 5432 & echo out')
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'out\n' })
    await exec('web', 'sh', '-c', 'kill $(pgrep -f "^sleep 5432")')
  })

  it('runs many at once, each with its own streams and code', async () => {
    const numbers = Array.from({ length: 24 }, (_, index) => index)
    const answers = await Promise.all(
      numbers.map((index) =>
        daemon.dockerWithInput(`in ${index}\n`, 'exec', '-i', 'web', 'sh', '-c', `cat; exit ${index}`),
      ),
    )
    expect(answers.map(({ code, stdout }) => [code, stdout])).toEqual(
      numbers.map((index) => [index, `in ${index}\n`]),
    )
    await expect.poll(() => execDirectories(daemon), { timeout: 30_000 }).toEqual([])
  })

  it('goes on alone when it is detached, and is listed until it has ended', async () => {
    const id = await createExec('web', {
      Cmd: ['sh', '-c', 'while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 5'],
    })
    expect(await execIds('web')).toEqual([id])
    expect(await startExec(id)).toMatchObject({ status: 200 })
    expect(await inspectExec(id)).toMatchObject({ Running: true, ExitCode: null })
    await exec('web', 'touch', '/tmp/go')
    await ended(id)
    expect(await inspectExec(id)).toMatchObject({ Running: false, ExitCode: 5 })
    expect(await execIds('web')).toBeNull()
  })

  it('has a terminal of the client’s size, also when it changes', async () => {
    await using client = new TerminalClient([...docker().split(' '), 'exec', '-it', 'web', 'sh'])
    await client.sees('# ')
    client.resize(33, 77)
    client.type('until stty size | grep "33 77"; do sleep 0.1; done\r')
    await client.sees('\r\n33 77\r\n')
    client.type('tty; exit 4\r')
    expect(await client.end()).toBe(4)
    expect(client.shown).toContain('/dev/pts/')
  })

  it('is left by the detach keys and goes on', async () => {
    await using client = new TerminalClient([
      ...docker().split(' '),
      ...['exec', '-it', '--detach-keys', 'ctrl-a,x', 'web', 'sh', '-c'],
      'echo rea""dy; while [ ! -e /tmp/left ]; do sleep 0.1; done',
    ])
    await client.sees('ready')
    client.type('\x01x')
    await client.end()
    const [id = ''] = (await execIds('web')) ?? []
    expect(await inspectExec(id)).toMatchObject({ Running: true, DetachKeys: 'AXg=' })
    await exec('web', 'touch', '/tmp/left')
    await ended(id)
  })

  it('tells who left it by the keys', async () => {
    const id = await createExec('web', {
      ...{ Cmd: ['timeout', '2', 'cat'], Tty: true },
      ...{ AttachStdin: true, AttachStdout: true },
    })
    const body = '{"Tty":true}'
    const head = `POST /exec/${id}/start HTTP/1.1\\r\\nHost: d\\r\\nContent-Type: application/json\\r\\nContent-Length: ${body.length}\\r\\n\\r\\n`
    const talk = `printf '${head}${body}typed\\r\\020\\021' | timeout 20 python3 -c '${untilEnd}' ${daemon.socket}`
    expect((await sh(talk)).stdout).toContain('200 OK')
    expect(await messagesOf('web')).toContain('exec_detach')
    await ended(id)
  })

  it('dies with its container and leaves nothing', async () => {
    await runOne('short')
    const before = holdings(daemon)
    const attached = exec('short', 'sleep', '1000')
    const id = await createExec('short', { Cmd: ['sleep', '1000'] })
    await startExec(id)
    await expect.poll(() => runningExecs('short'), { timeout: 30_000 }).toBe(2)
    await daemon.docker('kill', 'short')
    expect((await attached).code).toBe(137)
    expect(await inspectExec(id)).toMatchObject({ Running: false, ExitCode: 137 })
    expect(await messagesOf('short')).toMatch(/exec_die(.|\n)*exec_die/)
    expect(await exec('short', 'true')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Container [0-9a-f]{64} is not running/),
    })
    await daemon.docker('rm', 'short')
    await expect.poll(() => holdings(daemon).shims, { timeout: 30_000 }).toBe((before.shims ?? 0) - 1)
  })

  it('goes on while tallyd is dead, and its end is known to the next', async () => {
    const [flag, code] = [`/tmp/${randomUUID()}`, 6]
    const id = await createExec('web', {
      Cmd: ['sh', '-c', `while [ ! -e ${flag} ]; do sleep 0.1; done; exit ${code}`],
    })
    await startExec(id)
    const during = await createExec('web', { Cmd: ['sh', '-c', 'sleep 1; exit 7'] })
    await startExec(during)
    const attached = exec('web', 'sleep', '1000')
    await expect.poll(() => runningExecs('web'), { timeout: 30_000 }).toBe(3)
    await daemon.end('SIGKILL')
    expect((await attached).code).not.toBe(0)
    await sh('sleep 2')
    await daemon.start()
    expect(await inspectExec(id)).toMatchObject({ Running: true, ExitCode: null })
    await ended(during)
    expect(await inspectExec(during)).toMatchObject({ Running: false, ExitCode: 7 })
    await exec('web', 'touch', flag)
    await ended(id)
    expect(await inspectExec(id)).toMatchObject({ Running: false, ExitCode: code })
    await exec('web', 'sh', '-c', 'kill $(pgrep -f "^sleep 1000" | tail -n 1)')
  })

  it('gets what was typed and the end of it also if its shim is slow to open the pipe', async () => {
    await daemon.end()
    daemon.change({ environment: { TALLY_FAULT: 'shim.open-stdin.before:1:delay=1500' } })
    await daemon.start()
    expect(await daemon.dockerWithInput('typed\n', 'exec', '-i', 'web', 'cat')).toMatchObject({
      stdout: 'typed\n',
    })
    const first = ['run', '-i', '--rm', '--network', 'none', 'bb', 'cat']
    expect(await daemon.dockerWithInput('typed\n', ...first)).toMatchObject({ stdout: 'typed\n' })
    await daemon.end()
    daemon.change({ environment: {} })
    await daemon.start()
  })

  it('is ended by the next tallyd if no log knows of it', async () => {
    const id = JSON.parse(await api.ask('GET', '/containers/web/json')).Id
    {
      await using supervisor = await connectSupervisor(daemon.supervisorSocket)
      const runId = (await supervisor.task(id))?.runId ?? ''
      const process = { args: ['sleep', '1000'], cwd: '/', user: { uid: 0, gid: 0 }, env: ['PATH=/bin'] }
      await supervisor.startExec({ id, runId, execId: 'stray', process, stdio: {}, terminal: false })
      await supervisor.awaitPid({ id, execId: 'stray' })
    }
    expect(execDirectories(daemon)).toContain('stray')
    await daemon.end('SIGKILL')
    await daemon.start()
    expect(execDirectories(daemon)).not.toContain('stray')
    expect((await exec('web', 'true')).code).toBe(0)
  })
})

const untilEnd =
  'import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(sys.stdin.buffer.read()); sys.stdout.buffer.write(s.makefile("rb").read())'

/** Of all tasks. */
function execDirectories({ execRoot }: Daemon): readonly string[] {
  const tasks = join(execRoot, 'libcontainerd', 'containerd')
  const names = readdirSync(tasks).flatMap((id) => readdirSync(join(tasks, id)))
  return names.filter((name) => name !== 'init')
}

/** The most that it ever had in memory, proc_pid_status(5). */
function residentKib(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}
