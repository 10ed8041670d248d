/** Images with the real docker CLI: import, load, images, inspect, history, tag, rmi. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { busyboxArchive } from '../../scripts/busybox.ts'
import { Daemon } from './daemon.ts'

const digest = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')

/** What `docker save` writes: two layers, the second of which deletes `etc/group` of the first and adds a file. */
function dockerArchive(): { readonly archive: Buffer; readonly id: string } {
  const directory = mkdtempSync(join(tmpdir(), 'tally-archive-'))
  try {
    const base = busyboxArchive()
    mkdirSync(join(directory, 'layer/etc'), { recursive: true })
    writeFileSync(join(directory, 'layer/etc/.wh.group'), '')
    writeFileSync(join(directory, 'layer/added'), 'by the second layer\n')
    const top = execFileSync('tar', ['-C', join(directory, 'layer'), '-c', '.'])
    const config = JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      created: '2026-01-01T00:00:00Z',
      config: {
        Env: ['PATH=/bin', 'FROM=image'],
        Entrypoint: ['/bin/sh', '-c'],
        Cmd: ['echo $FROM; pwd'],
        WorkingDir: '/srv',
      },
      rootfs: { type: 'layers', diff_ids: [base, top].map((layer) => `sha256:${digest(layer)}`) },
      history: [{ created_by: 'base' }, { created_by: 'top' }],
    })
    const id = digest(config)
    mkdirSync(join(directory, 'out'))
    const out = (name: string, bytes: Buffer | string) => writeFileSync(join(directory, 'out', name), bytes)
    out('base.tar', base)
    out('top.tar', top)
    out(`${id}.json`, config)
    out(
      'manifest.json',
      JSON.stringify([{ Config: `${id}.json`, RepoTags: ['two:layers'], Layers: ['base.tar', 'top.tar'] }]),
    )
    const archive = execFileSync('tar', ['-C', join(directory, 'out'), '-c', '.'], {
      maxBuffer: 64 * 1024 * 1024,
    })
    return { archive, id: `sha256:${id}` }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

describe('images', () => {
  let daemon: Daemon
  const docker = (...args: string[]) => daemon.docker(...args)

  beforeAll(async () => {
    daemon = await new Daemon().start()
  })
  afterAll(() => daemon?.destroy())

  it('loads what docker save wrote, keeps its id, and runs it by its config', async () => {
    const { archive, id } = dockerArchive()
    expect((await daemon.dockerWithInput(archive, 'load')).stdout).toBe('Loaded image: two:layers\n')
    expect((await docker('image', 'inspect', '-f', '{{.Id}}', 'two:layers')).stdout.trim()).toBe(id)
    expect((await docker('run', '--rm', '--network', 'none', 'two:layers')).stdout).toBe('image\n/srv\n')
    const look = await docker('run', '--rm', '--network', 'none', 'two:layers', 'cat /added; ls /etc')
    expect(look.stdout).toContain('by the second layer')
    expect(look.stdout).not.toContain('group')
    expect((await docker('history', '--format', '{{.CreatedBy}}', 'two:layers')).stdout).toBe('top\nbase\n')
  })

  it('tags, lists and removes, but not what a container needs', async () => {
    await daemon.importBusybox()
    expect((await docker('tag', 'bb', 'registry.example:5000/team/bb:1')).code).toBe(0)
    const names = (await docker('images', '--format', '{{.Repository}}:{{.Tag}}')).stdout.trim().split('\n')
    expect(names).toEqual(expect.arrayContaining(['bb:latest', 'registry.example:5000/team/bb:1']))
    expect((await docker('rmi', 'registry.example:5000/team/bb:1')).stdout).toContain(
      'Untagged: registry.example:5000/team/bb:1',
    )
    await docker('create', '--network', 'none', '--name', 'user', 'bb')
    expect((await docker('rmi', 'bb')).stderr).toContain('must force')
    await docker('rm', 'user')
    expect((await docker('rmi', 'bb')).stdout).toContain('Deleted: sha256:')
    expect((await docker('rmi', 'bb')).stderr).toContain('No such image: bb')
  })

  it('keeps images over a restart', async () => {
    await daemon.end()
    await daemon.start()
    expect((await docker('images', '-q', 'two:layers')).stdout.trim()).not.toBe('')
    expect((await docker('run', '--rm', '--network', 'none', 'two:layers', 'echo still')).stdout).toBe(
      'still\n',
    )
  })

  it('says what it is', async () => {
    const version = JSON.parse((await docker('version', '--format', '{{json .Server}}')).stdout)
    expect(version).toMatchObject({ ApiVersion: '1.41', MinAPIVersion: '1.24', Os: 'linux' })
    const info = JSON.parse((await docker('info', '--format', '{{json .}}')).stdout)
    expect(info).toMatchObject({ Driver: 'overlay2', OSType: 'linux', ContainersRunning: 0 })
  })
})
