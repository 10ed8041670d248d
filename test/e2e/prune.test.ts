/** Removing what is left: by the daemon itself for --rm, all at once for prune, each with the real docker CLI. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Daemon } from './daemon.ts'

let daemon: Daemon

const docker = (...args: readonly string[]) => daemon.docker(...args)
const names = async () =>
  (await docker('ps', '-a', '--format', '{{.Names}}')).stdout.split('\n').filter(Boolean).sort()
const gone = (name: string) => expect.poll(async () => (await names()).includes(name), patience).toBe(false)

const patience = { timeout: 30_000, interval: 200 }

beforeAll(async () => {
  daemon = await new Daemon().start()
  await daemon.importBusybox()
})
afterAll(() => daemon?.destroy())

describe('a container of run --rm', () => {
  const rm = ['run', '--rm', '--network', 'none'] as const

  it('is removed by the daemon when its client was killed', async () => {
    const args = ['-H', `unix://${daemon.socket}`, ...rm, '--name', 'orphan', 'bb', 'sleep', '1']
    const client = spawn('docker', args, { stdio: 'ignore' })
    await expect.poll(names, patience).toContain('orphan')
    client.kill('SIGKILL')
    await once(client, 'exit')
    await gone('orphan')
  })

  it('is removed when it ended while no daemon ran, or ends after the daemon was started again', async () => {
    await docker(...rm, '-d', '--name', 'ends-meanwhile', 'bb', 'sleep', '1')
    await docker(...rm, '-d', '--name', 'ends-later', 'bb', 'sleep', '1000')
    await daemon.end('SIGKILL')
    await sleep(1_500)
    await daemon.start()
    await gone('ends-meanwhile')
    expect(await names()).toEqual(['ends-later'])
    await docker('kill', 'ends-later')
    await gone('ends-later')
  })

  it.each(['perform.remove.before', 'perform.remove.after'])(
    'is removed though the daemon dies at %s',
    async (point) => {
      await daemon.end()
      daemon.change({ environment: { TALLY_FAULT: `${point}:1:kill` } })
      await daemon.start()
      const { stdout } = await docker(...rm, '-d', '--name', 'cut-off', 'bb', 'sh', '-c', 'sleep 1; exit 3')
      await expect.poll(() => isAlive(daemon.pid), patience).toBe(false)
      daemon.change({ environment: {} })
      await daemon.start()
      await gone('cut-off')
      const id = stdout.trim()
      expect(existsSync(join(daemon.dataRoot, 'containers', id))).toBe(false)
      const { stdout: shown } = await docker(
        'events',
        '--since',
        '5m',
        '--until',
        soon(),
        '--filter',
        `container=${id}`,
      )
      expect(
        shown
          .trim()
          .split('\n')
          .map((line) => line.split(' ')[2]),
      ).toEqual(['create', 'start', 'die', 'destroy'])
    },
  )
})

describe('container prune', () => {
  const create = (name: string, ...args: readonly string[]) =>
    docker('create', '--network', 'none', '--name', name, ...args, 'bb')

  it('removes what does not run, by labels and age, and says what room that gives', async () => {
    await docker('run', '-d', '--network', 'none', '--name', 'busy', '--label', 'old', 'bb', 'sleep', '1000')
    await docker(
      'run',
      '--network',
      'none',
      '--name',
      'wrote',
      'bb',
      'sh',
      '-c',
      'head -c 100000 /dev/zero > /f',
    )
    await create('kept', '--label', 'keep=yes')
    await create('old', '--label', 'old')
    const old = (await docker('inspect', '--format', '{{.Id}}', 'old')).stdout.trim()
    const byLabel = await docker('container', 'prune', '-f', '--filter', 'label=old')
    expect(byLabel.stdout).toBe(`Deleted Containers:\n${old}\n\nTotal reclaimed space: 0B\n`)
    const byAge = await docker('container', 'prune', '-f', '--filter', 'until=1h')
    expect(byAge.stdout).toBe('Total reclaimed space: 0B\n')
    const others = await docker('container', 'prune', '-f', '--filter', 'label!=keep')
    expect(others.stdout).toMatch(/^Deleted Containers:\n[0-9a-f]{64}\n\nTotal reclaimed space: 100kB\n$/)
    expect(await names()).toEqual(['busy', 'kept'])
    const { stderr, code } = await docker('container', 'prune', '-f', '--filter', 'nonsense=1')
    expect([code, stderr]).toEqual([1, "Error response from daemon: Invalid filter 'nonsense'\n"])
    await docker('rm', '-f', 'busy', 'kept')
  })

  it('is one event for all', async () => {
    const { stdout } = await docker(
      'events',
      '--since',
      '5m',
      '--until',
      soon(),
      '--filter',
      'event=prune',
      '--format',
      '{{json .}}',
    )
    const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
    expect(last).toMatchObject({
      Type: 'container',
      Action: 'prune',
      Actor: { ID: '', Attributes: { reclaimed: '100000' } },
    })
  })
})

describe('system prune', () => {
  it('removes containers and unused images, and leaves those that are in use', async () => {
    await docker('create', '--network', 'none', '--name', 'left', 'bb')
    await docker('run', '-d', '--network', 'none', '--name', 'busy', 'bb', 'sleep', '1000')
    await docker('commit', 'left')
    await docker('commit', 'left', 'unused:1')
    const before = await docker('system', 'df', '--format', '{{.Type}}|{{.TotalCount}}|{{.Active}}')
    expect(before.stdout).toBe('Images|3|1\nContainers|2|1\nLocal Volumes|0|0\nBuild Cache|0|0\n')
    const dangling = await docker('system', 'prune', '-f')
    expect(dangling.stdout).toMatch(
      /^Deleted Containers:\n[0-9a-f]{64}\n\nDeleted Images:\ndeleted: sha256:[0-9a-f]{64}\n\nTotal/,
    )
    const all = await docker('system', 'prune', '-af')
    expect(all.stdout).toMatch(/^Deleted Images:\nuntagged: unused:1\ndeleted: sha256:[0-9a-f]{64}\n\nTotal/)
    expect((await docker('images', '--format', '{{.Repository}}')).stdout).toBe('bb\n')
    expect(await names()).toEqual(['busy'])
    await docker('rm', '-f', 'busy')
    const last = await docker('system', 'prune', '-af')
    expect(last.stdout).toMatch(/untagged: bb:latest\ndeleted: .*Total reclaimed space: \d+(\.\d+)?MB\n$/s)
    expect((await docker('images', '-q')).stdout).toBe('')
  })
})

/** In whole seconds: the CLI would cut off what happened in this one. */
const soon = (): string => String(Math.ceil(Date.now() / 1000) + 1)

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
