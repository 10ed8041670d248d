/** A disk without room: commands are answered with the reason, containers go on, and what they did meanwhile is recorded once there is room. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from './api-client.ts'
import { Daemon } from './daemon.ts'
import { type SmallDisk, smallDisk } from './small-disk.ts'

const endless = 'trap "exit 7" USR1; i=0; while true; do echo $i; i=$((i+1)); sleep 0.05; done'
const noSpace = /no space left on device/i

let daemon: Daemon
let small: SmallDisk

async function start(holds: 'database' | 'everything', size: string): Promise<void> {
  daemon = new Daemon()
  small = smallDisk(daemon, { holds, size })
  await daemon.start()
  await daemon.importBusybox()
}

async function runEndless(name: string): Promise<number> {
  const { code, stderr } = await daemon.docker(
    'run',
    '-d',
    '--network',
    'none',
    '--name',
    name,
    'bb',
    'sh',
    '-c',
    endless,
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return Number((await inspect(name, '{{.State.Pid}}')).trim())
}

const inspect = async (name: string, format: string): Promise<string> =>
  (await daemon.docker('inspect', '-f', format, name)).stdout.trim()

/** Renames until the log has used what it had: an older WAL may have some room in it. */
async function exhaustLog(): Promise<string> {
  for (let attempt = 0; attempt < 3000; attempt += 1) {
    const name = attempt % 2 === 0 ? 'spare-1' : 'spare-0'
    const { code, stderr } = await daemon.docker('rename', attempt % 2 === 0 ? 'spare-0' : 'spare-1', name)
    if (code !== 0) return stderr
  }
  throw new Error('the log has room for ever')
}

const lastLine = async (name: string): Promise<number> =>
  Number((await daemon.docker('logs', '--tail', '1', name)).stdout)

async function logsGoOn(name: string): Promise<void> {
  const before = await lastLine(name)
  await expect.poll(() => lastLine(name), { timeout: 20_000 }).toBeGreaterThan(before)
}

async function expectSound(): Promise<void> {
  const { code, stdout, stderr } = await daemon.tally('verify')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /^[\d,]+ events in \d+ streams: every hash fits, and all else is what the log says\n$/,
  )
}

afterEach(async () => {
  small.makeRoom()
  await daemon.destroy()
})

describe('a disk that is full under the database alone', () => {
  beforeEach(() => start('database', '24M'))

  it('refuses with 503, lets containers run, log and end, and records their ends as they were', async () => {
    using api = new ApiClient(daemon.socket)
    await runEndless('steady')
    const pid = await runEndless('ends')
    await daemon.docker('create', '--network', 'none', '--name', 'spare-0', 'bb', 'true')
    await daemon.docker('create', '--network', 'none', '--name', 'idle', 'bb', 'true')
    const waiting = daemon.docker('wait', 'ends')
    small.fill()
    expect(await exhaustLog()).toMatch(noSpace)

    for (const [method, path, body] of [
      ['POST', '/containers/idle/start'],
      ['POST', '/containers/steady/stop'],
      ['POST', '/containers/steady/rename?name=other'],
      ['POST', '/containers/create?name=late', '{"Image":"bb","HostConfig":{"NetworkMode":"none"}}'],
      ['DELETE', '/containers/idle'],
    ] as const) {
      const { status, text } = await api.send(method, path, body)
      expect({ path, status, text }).toEqual({ path, status: 503, text: expect.stringMatching(noSpace) })
    }
    const before = new Date().toISOString()
    process.kill(pid, 'SIGUSR1')
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false)
    const after = new Date().toISOString()
    await logsGoOn('steady')
    expect(await inspect('steady', '{{.State.Status}}')).toBe('running')
    expect(await inspect('ends', '{{.State.Status}}')).toBe('running')
    // Though it can't be recorded, the log is whole: nothing of what was refused is in it. The copy for this lies on the other disk.
    await expectSound()

    small.makeRoom()
    expect((await waiting).stdout).toBe('7\n')
    const finished = await inspect('ends', '{{.State.ExitCode}} {{.State.FinishedAt}}')
    expect(finished >= `7 ${before}` && finished <= `7 ${after}`).toBe(true)
    await logsGoOn('steady')
    expect((await daemon.docker('start', 'idle')).code).toBe(0)
    expect((await daemon.docker('ps', '-a', '--format', '{{.Names}}')).stdout).not.toContain('late')
    await expectSound()
  })

  it('is waited for without haste: the daemon does next to nothing meanwhile, and forgets nobody', async () => {
    const pids = await Promise.all(Array.from({ length: 8 }, (_, index) => runEndless(`web-${index}`)))
    await daemon.docker('create', '--network', 'none', '--name', 'spare-0', 'bb', 'true')
    small.fill()
    await exhaustLog()
    for (const pid of pids) process.kill(pid, 'SIGUSR1')
    await expect.poll(() => pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
    await sleep(3000)
    const usedBefore = processorTime(daemon.pid)
    const linesBefore = daemon.log().split('\n').length
    await sleep(6000)
    // Ticks of 10 ms: all eight try again every few seconds, which is far from a processor's whole time.
    expect(processorTime(daemon.pid) - usedBefore).toBeLessThan(300)
    expect(daemon.log().split('\n').length - linesBefore).toBeLessThan(8 * 6)
    small.makeRoom()
    for (let index = 0; index < 8; index += 1)
      expect((await daemon.docker('wait', `web-${index}`)).stdout).toBe('7\n')
    await expectSound()
  })

  it('survives that the daemon is killed and started again while there is no room', async () => {
    const pid = await runEndless('ends')
    await runEndless('steady')
    await daemon.docker('create', '--network', 'none', '--name', 'spare-0', 'bb', 'true')
    small.fill()
    await exhaustLog()
    await daemon.end('SIGKILL')
    process.kill(pid, 'SIGUSR1')
    await daemon.start()
    expect((await daemon.docker('rename', 'steady', 'other')).stderr).toMatch(noSpace)
    await logsGoOn('steady')
    small.makeRoom()
    expect((await daemon.docker('wait', 'ends')).stdout).toBe('7\n')
    expect((await daemon.docker('rename', 'steady', 'other')).code).toBe(0)
    await expectSound()
  })
})

/** utime and stime of proc_pid_stat(5), in ticks. */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .map(Number)
  return (fields[11] ?? 0) + (fields[12] ?? 0)
}

describe('a disk that is full under everything', () => {
  beforeEach(() => start('everything', '200M'))

  it('costs log lines, but no container; afterwards all goes on', async () => {
    const pid = await runEndless('steady')
    small.fill()
    const refused = await daemon.docker('run', '-d', '--network', 'none', '--name', 'late', 'bb', 'true')
    expect(refused.stderr).toMatch(noSpace)
    await sleep(500)
    expect(await inspect('steady', '{{.State.Running}}')).toBe('true')
    const unverified = await daemon.tally('verify')
    expect({ code: unverified.code, stdout: unverified.stdout }).toEqual({ code: 2, stdout: '' })
    expect(unverified.stderr).toMatch(/^tally: .*no space left on device.*\n$/)
    small.makeRoom()
    await logsGoOn('steady')
    process.kill(pid, 'SIGUSR1')
    expect((await daemon.docker('wait', 'steady')).stdout).toBe('7\n')
    await expectSound()
  })

  it('gives no backup and no half of one', async () => {
    const file = join(daemon.root, 'elsewhere.db')
    small.fill()
    const { code, stderr } = await daemon.tally('backup', file)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^tally: .*no space left on device.*\n$/)
    expect(existsSync(file)).toBe(false)
    small.makeRoom()
    expect((await daemon.tally('backup', file)).code).toBe(0)
  })

  it('belongs to the administrator, and stays mounted when the daemon ends', async () => {
    writeFileSync(join(daemon.dataRoot, 'mark'), '')
    await daemon.end()
    expect(existsSync(join(daemon.dataRoot, 'mark'))).toBe(true)
    rmSync(join(daemon.dataRoot, 'mark'))
    await daemon.start()
    expect((await daemon.docker('images', '-q')).stdout).not.toBe('')
    execFileSync('findmnt', [daemon.dataRoot])
  })
})
