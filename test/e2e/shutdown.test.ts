/** What becomes of containers when tallyd is told to end: they go on, or without live restore they are stopped as dockerd stops them. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiClient } from './api-client.ts'
import { Daemon } from './daemon.ts'

describe.each([
  { mode: 'one process', twoProcesses: false },
  { mode: 'two processes', twoProcesses: true },
])('tallyd --live-restore=false in $mode', ({ twoProcesses }) => {
  let daemon: Daemon
  const docker = (...args: readonly string[]) => daemon.docker(...args)
  const run = (name: string, ...args: readonly string[]) =>
    docker('run', '-d', '--network', 'none', '--name', name, ...args)
  const trap = (signal: string, code: number) => [
    ...['bb', 'sh', '-c'],
    `trap "echo bye; exit ${code}" ${signal}; while true; do sleep 0.1; done`,
  ]
  const exit = async (name: string) =>
    (await docker('inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', name)).stdout.trim()
  const events = async (name: string) => {
    using client = new ApiClient(daemon.socket)
    const text = await client.ask('GET', `/tally/containers/${name}/events`)
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  }
  const types = async (name: string): Promise<readonly string[]> =>
    (await events(name)).map(({ type }) => type)
  const recorded = async (name: string, type: string) => {
    while (!(await types(name)).includes(type)) await sleep(50)
  }

  beforeEach(async () => {
    daemon = await new Daemon({ twoProcesses, flags: ['--live-restore=false'] }).start()
    await daemon.importBusybox()
  })
  afterEach(() => daemon?.destroy())

  it('stops everything when it ends, tells who is connected, and records why', async () => {
    await run('polite', ...trap('TERM', 5))
    await run('usr', '--stop-signal', 'USR1', ...trap('USR1', 6))
    await run('deaf', '--stop-timeout', '1', 'bb', 'sleep', '1000')
    await run('frozen', ...trap('TERM', 7))
    await run('brief', '--rm', ...trap('TERM', 8))
    const { stdout: id } = await docker('inspect', '--format', '{{.Id}}', 'frozen')
    await daemon.ctr('tasks', 'pause', id.trim())
    await recorded('frozen', 'Paused')
    const attached = docker('attach', '--no-stdin', 'polite')
    const waited = docker('wait', 'deaf')
    await recorded('polite', 'Attached')
    await sleep(500)

    expect(await daemon.end()).toBe(0)
    expect(await attached).toMatchObject({ code: 5, stdout: 'bye\n' })
    expect((await waited).stdout).toBe('137\n')
    expect(daemon.mounts().filter((mount) => /merged|shm/.test(mount))).toEqual([])

    await daemon.start()
    expect((await docker('info', '--format', '{{.LiveRestoreEnabled}}')).stdout).toBe('false\n')
    const names = ['polite', 'usr', 'deaf', 'frozen']
    expect(await Promise.all(names.map(exit))).toEqual(['exited 5', 'exited 6', 'exited 137', 'exited 7'])
    expect((await docker('ps', '-a', '--format', '{{.Names}}')).stdout).not.toContain('brief')
    const asked = (await events('polite')).find(({ type }) => type === 'StopRequested')
    expect(asked).toMatchObject({ meta: { request: 'shutdown of the daemon' }, data: { signal: 'SIGTERM' } })
    expect(await types('deaf')).toContain('StopDeadlinePassed')
  })

  it('hears two more signals without haste, and ends at the fourth; what runs then goes on', async () => {
    await run('slow', '--stop-timeout', '600', 'bb', 'sleep', '1000')
    const ended = daemon.end('SIGTERM')
    while (existsSync(daemon.socket)) await sleep(50)
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.kill(daemon.pid, signal)
      await sleep(300)
    }
    expect(await Promise.race([ended, sleep(1000, 'it goes on')])).toBe('it goes on')
    process.kill(daemon.pid, 'SIGINT')
    expect(await ended).toBe(130)
    await daemon.start()
    expect((await docker('ps', '--format', '{{.Names}}')).stdout).toBe('slow\n')
    expect((await docker('kill', 'slow')).code).toBe(0)
    expect(await exit('slow')).toBe('exited 137')
  })

  it('leaves all running with live restore, which is the default', async () => {
    await run('stays', ...trap('TERM', 5))
    daemon.change({ flags: [] })
    await daemon.end('SIGKILL')
    await daemon.start()
    expect((await docker('info', '--format', '{{.LiveRestoreEnabled}}')).stdout).toBe('true\n')
    const before = (await docker('inspect', '--format', '{{json .State}}', 'stays')).stdout
    expect(await daemon.end()).toBe(0)
    await daemon.start()
    expect((await docker('inspect', '--format', '{{json .State}}', 'stays')).stdout).toBe(before)
    expect(await types('stays')).not.toContain('StopRequested')
  })
})
