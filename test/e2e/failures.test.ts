/** What is missing or full gives one clear sentence, and nothing is left half-done. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Daemon } from './daemon.ts'

const tallyd = resolve(import.meta.dirname, '../../bin/tallyd')

describe('tallyd refuses to start', () => {
  let root: string
  const flags = () => [
    '-H',
    `unix://${root}/d.sock`,
    '--data-root',
    join(root, 'data'),
    '--exec-root',
    join(root, 'exec'),
  ]
  const start = (...extra: string[]) =>
    spawnSync(tallyd, [...flags(), ...extra], { encoding: 'utf8', timeout: 30_000 })

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tally-refuse-'))
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  it('without a runtime', () => {
    const { status, stderr } = start('--add-runtime', 'lost=/nonexistent/runc', '--default-runtime', 'lost')
    expect(status).toBe(1)
    expect(stderr).toContain('The OCI runtime /nonexistent/runc was not found')
  })

  it('without root', () => {
    const args = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--', tallyd, ...flags()]
    const { status, stderr } = spawnSync('setpriv', args, { encoding: 'utf8' })
    expect(status).toBe(1)
    expect(stderr).toBe('tallyd: tallyd must run as root.\n')
  })

  it('on a data root that can’t hold an overlay', () => {
    for (const name of ['lower', 'upper', 'work', 'data']) mkdirSync(join(root, name))
    const options = `lowerdir=${root}/lower,upperdir=${root}/upper,workdir=${root}/work`
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', options, join(root, 'data')])
    try {
      const { status, stderr } = start()
      expect(status).toBe(1)
      expect(stderr).toContain('No overlay can be mounted on')
    } finally {
      execFileSync('umount', ['-l', join(root, 'data')])
    }
  })
})

describe('a second tallyd on one data root', () => {
  it('is refused while the first goes on', async () => {
    const daemon = await new Daemon().start()
    try {
      const sockets = ['-H', `unix://${daemon.root}/second.sock`, '--exec-root', join(daemon.root, 'exec2')]
      const second = spawnSync(tallyd, [...sockets, '--data-root', daemon.dataRoot], {
        encoding: 'utf8',
        timeout: 30_000,
      })
      expect(second.status).toBe(1)
      expect(second.stderr).toMatch(/^tallyd: .*another/)
      expect((await daemon.docker('ps')).code).toBe(0)
    } finally {
      await daemon.destroy()
    }
  })
})

describe('a second supervisor on one exec root', () => {
  it('is refused while the first goes on and hears of exits', async () => {
    const daemon = await new Daemon({ twoProcesses: true }).start()
    try {
      await daemon.importBusybox()
      await daemon.docker('run', '-d', '--network', 'none', '--name', 'kept', 'bb', 'sleep', '1000')
      const args = ['supervisor', '--exec-root', daemon.execRoot]
      const second = spawnSync(tallyd, args, { encoding: 'utf8', timeout: 30_000 })
      expect(second.status).toBe(1)
      expect(second.stderr).toContain('tallyd: another supervisor serves')
      await daemon.docker('kill', 'kept')
      expect((await daemon.docker('wait', 'kept')).stdout).toBe('137\n')
    } finally {
      await daemon.destroy()
    }
  })
})

describe('a full disk', () => {
  it('refuses with a reason, breaks nothing that runs, and is over when there is room', async () => {
    const daemon = new Daemon()
    mkdirSync(daemon.dataRoot)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', daemon.dataRoot])
    await daemon.start()
    try {
      await daemon.importBusybox()
      const endless = 'i=0; while true; do echo $i; i=$((i+1)); sleep 0.05; done'
      await daemon.docker('run', '-d', '--network', 'none', '--name', 'steady', 'bb', 'sh', '-c', endless)
      const ballast = join(daemon.dataRoot, 'ballast')
      expect(() => writeFileSync(ballast, Buffer.alloc(256 * 1024 * 1024))).toThrow('ENOSPC')
      const refused = await daemon.docker('run', '-d', '--network', 'none', '--name', 'late', 'bb', 'true')
      expect(refused.code).toBe(125)
      expect(refused.stderr).toMatch(/no space left on device/i)
      expect((await daemon.docker('inspect', '-f', '{{.State.Running}}', 'steady')).stdout).toBe('true\n')
      rmSync(ballast)
      await daemon.docker('rm', '-f', 'late')
      expect((await daemon.docker('run', '--rm', '--network', 'none', 'bb', 'echo', 'room')).stdout).toBe(
        'room\n',
      )
      expect((await daemon.docker('inspect', '-f', '{{.State.Running}}', 'steady')).stdout).toBe('true\n')
    } finally {
      await daemon.destroy()
    }
  })
})
