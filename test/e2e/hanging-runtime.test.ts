/** An OCI runtime that does not come back: what it holds up can be removed, and nothing of it is left. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchesAtOnce } from '../../src/supervisor/launch-queue.ts'
import { Daemon } from './daemon.ts'
import { holdings } from './load.ts'

const commands = ['create', 'start'] as const

describe.each([
  ['in one process', false],
  ['with a supervisor of its own', true],
])('tallyd %s', (_, twoProcesses) => {
  let daemon: Daemon
  beforeAll(async () => {
    daemon = new Daemon({ twoProcesses })
    execFileSync('mkfifo', [join(daemon.root, 'never')])
    const runtimes = commands.map((command) => {
      const path = join(daemon.root, `hangs-at-${command}`)
      const script = `case " $* " in *" ${command} "*) read -r never <${daemon.root}/never;; esac; exec runc "$@"`
      writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
      return ['--add-runtime', `${command}=${path}`]
    })
    daemon.change({ flags: runtimes.flat() })
    await daemon.start()
    await daemon.importBusybox()
    await daemon.docker('run', '--rm', '--network', 'none', 'bb', 'true')
  })
  afterAll(() => daemon?.destroy())

  const create = async (runtime: string): Promise<string> => {
    const { stdout } = await daemon.docker(
      'create',
      '--network',
      'none',
      '--runtime',
      runtime,
      'bb',
      'sleep',
      '9',
    )
    return stdout.trim()
  }
  const has = async (id: string, event: string): Promise<boolean> =>
    (await daemon.tally('history', id)).stdout.includes(event)

  it.each([
    ['create', 'ShimStarted'],
    ['start', 'PidRecorded'],
  ])(
    'removes a container whose runtime hangs at %s',
    async (runtime, last) => {
      const before = holdings(daemon)
      const id = await create(runtime)
      const starting = daemon.docker('start', id)
      await expect.poll(() => has(id, last), { timeout: 30_000 }).toBe(true)
      expect(await daemon.docker('rm', '-f', id)).toMatchObject({ code: 0 })
      expect((await starting).code).not.toBe(0)
      await expect.poll(() => leavings(daemon), { timeout: 30_000 }).toEqual(withoutDescriptors(before))
    },
    120_000,
  )

  it('removes one that waits behind them, and starts another once they are gone', async () => {
    const before = holdings(daemon)
    const hanging = await Promise.all(Array.from({ length: launchesAtOnce() }, () => create('create')))
    const starts = hanging.map((id) => daemon.docker('start', id))
    await expect.poll(async () => has(hanging.at(-1) ?? '', 'BundlePrepared'), { timeout: 60_000 }).toBe(true)
    const [removed, other] = await Promise.all([create('runc'), create('runc')])
    starts.push(daemon.docker('start', removed))
    const started = daemon.docker('start', other)
    await expect.poll(() => has(removed, 'BundlePrepared'), { timeout: 60_000 }).toBe(true)
    expect(await daemon.docker('rm', '-f', removed)).toMatchObject({ code: 0 })
    expect(await daemon.docker('rm', '-f', ...hanging)).toMatchObject({ code: 0 })
    expect(await started).toMatchObject({ code: 0 })
    await Promise.all(starts)
    await daemon.docker('rm', '-f', other)
    await expect.poll(() => leavings(daemon), { timeout: 30_000 }).toEqual(withoutDescriptors(before))
  }, 300_000)
})

/** Connections of clients come and go. */
function withoutDescriptors({ descriptors: _, ...others }: Readonly<Record<string, number>>) {
  return others
}

const leavings = (daemon: Daemon) => withoutDescriptors(holdings(daemon))
