/** What containers use and their processes, by the real docker CLI, with the supervisor in the daemon's process and in one of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiClient } from './api-client.ts'
import { Daemon } from './daemon.ts'

interface Stats {
  readonly read: string
  readonly preread: string
  readonly pids_stats: { readonly current?: number; readonly limit?: number }
  readonly cpu_stats: CpuStats
  readonly precpu_stats: CpuStats
  readonly memory_stats: { readonly usage?: number; readonly limit?: number }
}

interface CpuStats {
  readonly cpu_usage: { readonly total_usage: number }
  readonly system_cpu_usage?: number
  readonly online_cpus?: number
}

/** Part of all processors' time that was the container's between the two readings, as the CLI counts it. */
function share({ cpu_stats: cpu, precpu_stats: before }: Stats): number {
  const own = cpu.cpu_usage.total_usage - before.cpu_usage.total_usage
  return own / ((cpu.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0))
}

describe.each([
  { mode: 'one process', twoProcesses: false },
  { mode: 'two processes', twoProcesses: true },
])('containers watched with tallyd in $mode', ({ twoProcesses }) => {
  let daemon: Daemon
  const docker = (...args: readonly string[]) => daemon.docker(...args)
  const run = (name: string, ...args: readonly string[]) =>
    docker('run', '-d', '--network', 'none', '--name', name, ...args)

  beforeAll(async () => {
    daemon = await new Daemon({ twoProcesses }).start()
    await daemon.importBusybox()
    await run('busy', '-m', '64m', '--pids-limit', '20', 'bb', 'sh', '-c', 'while :; do :; done')
    await run('lazy', 'bb', 'sh', '-c', 'sleep 1000 & sleep 2000; true')
    await docker('create', '--network', 'none', '--name', 'idle', 'bb')
  })
  afterAll(() => daemon?.destroy())

  async function read(name: string, query: string): Promise<Stats> {
    using api = new ApiClient(daemon.socket)
    return JSON.parse(await api.ask('GET', `/containers/${name}/stats?${query}`))
  }

  it('tell what they use, and the time between two readings', async () => {
    const [busy, lazy] = await Promise.all([read('busy', 'stream=0'), read('lazy', 'stream=0')])
    expect(busy.pids_stats).toEqual({ current: 1, limit: 20 })
    expect(busy.memory_stats.limit).toBe(64 << 20)
    expect(busy.memory_stats.usage).toBeGreaterThan(0)
    expect(Date.parse(busy.read)).toBeGreaterThan(Date.parse(busy.preread))
    expect(share(busy)).toBeGreaterThan(share(lazy))
    expect(lazy.pids_stats).toEqual({ current: 3 })
  })

  it('tell it once, without a reading before, when asked for one', async () => {
    const busy = await read('busy', 'stream=0&one-shot=1')
    expect(busy.preread).toBe('0001-01-01T00:00:00Z')
    expect(busy.cpu_stats.cpu_usage.total_usage).toBeGreaterThan(0)
    expect(busy.cpu_stats.online_cpus).toBeGreaterThan(0)
  })

  it('are one reading for all who follow, until the container is removed', async () => {
    await run('brief', 'bb', 'sleep', '1000')
    const followers = [1, 2, 3].map(() => follow(daemon, 'brief'))
    await Promise.all(
      followers.map(({ seen }) => expect.poll(() => seen.length, { timeout: 20_000 }).toBeGreaterThan(2)),
    )
    await docker('rm', '-f', 'brief')
    await Promise.all(followers.map(({ ended }) => ended))
    const [first, ...others] = followers.map(({ seen }) => seen.map(({ read }) => read))
    for (const other of others) expect(first?.filter((at) => other.includes(at)).length).toBeGreaterThan(1)
  })

  it('are shown by docker stats, those that don’t run as zeros', async () => {
    const format = '{{.Name}}|{{.PIDs}}|{{.MemUsage}}'
    const { stdout, code } = await docker('stats', '--no-stream', '--all', '--format', format)
    const lines = stdout.trim().split('\n').sort()
    expect([code, lines.length]).toEqual([0, 3])
    expect(lines[0]).toMatch(/^busy\|1\|\S+ \/ 64MiB$/)
    expect(lines[1]).toBe('idle|0|0B / 0B')
    expect(lines[2]).toMatch(/^lazy\|3\|/)
  })

  it('show their processes and no others, with the options of ps', async () => {
    const { stdout } = await docker('top', 'lazy', '-o', 'pid,args')
    const [head, ...rows] = stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
    expect(head).toEqual(['PID', 'COMMAND'])
    expect(rows.map(([, ...words]) => words.join(' ')).sort()).toEqual([
      'sh -c sleep 1000 & sleep 2000; true',
      'sleep 1000',
      'sleep 2000',
    ])
    const pid = (await docker('inspect', '--format', '{{.State.Pid}}', 'lazy')).stdout.trim()
    expect(rows[0]?.[0]).toBe(pid)
    const all = (await docker('top', 'lazy')).stdout.trim().split('\n')
    expect(all[0]?.trim().split(/\s+/)).toEqual(['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'])
    expect((await docker('top', 'lazy', '-ef', 'f')).stdout.trim().split('\n')).toHaveLength(4)
  })

  it('refuse to show processes in Docker’s words', async () => {
    const id = (await docker('inspect', '--format', '{{.Id}}', 'idle')).stdout.trim()
    const said = async (...args: readonly string[]) => (await docker('top', ...args)).stderr.trim()
    const prefix = 'Error response from daemon: '
    expect(await said('idle')).toBe(`${prefix}Container ${id} is not running`)
    expect(await said('lazy', '-o', 'args')).toBe(`${prefix}Couldn't find PID field in ps output`)
    expect(await said('lazy', '-o', 'args=PID')).toBe(`${prefix}specifying "args=PID" is not allowed`)
    expect(await said('lazy', '--nonsense')).toBe(`${prefix}ps: error: unknown gnu long option`)
  })
})

interface Follower {
  readonly seen: Stats[]
  readonly ended: Promise<unknown>
}

function follow({ socket }: Daemon, name: string): Follower {
  const url = `http://d/containers/${name}/stats`
  const curl = spawn('curl', ['-sN', '--unix-socket', socket, url], { stdio: ['ignore', 'pipe', 'ignore'] })
  const seen: Stats[] = []
  createInterface(curl.stdout).on('line', (line) => void seen.push(JSON.parse(line)))
  return { seen, ended: once(curl, 'exit') }
}
