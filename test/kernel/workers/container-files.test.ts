import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mountAt, mountsBelow } from '../../../src/kernel/mountinfo.ts'
import { containerPath } from '../../../src/paths.ts'
import {
  removeContainerFiles,
  shmPath,
  undoContainerFiles,
  writeContainerFiles,
} from '../../../src/workers/container-files.ts'
import type { Job } from '../../../src/workers/worker.ts'
import { aSpec, type SpecChanges } from '../../fixtures/spec.ts'

const id = 'c'.repeat(64)
let roots = { dataRoot: '', execRoot: '' }
const job = (changes: SpecChanges = {}): Job => ({ id, name: 'one', runId: 'run-1', spec: aSpec(changes) })
const file = (name: string): string => join(containerPath(roots, id), name)
const read = (name: string): string => readFileSync(file(name), 'utf8')
const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8)

beforeEach(async () => {
  const base = await mkdtemp(join(tmpdir(), 'tally-files-'))
  roots = { dataRoot: join(base, 'data'), execRoot: join(base, 'exec') }
})
afterEach(async () => {
  await removeContainerFiles(roots, id)
  await rm(join(roots.dataRoot, '..'), { recursive: true })
})

describe('writeContainerFiles', () => {
  it('writes Docker’s files with Docker’s modes, and no log', async () => {
    await writeContainerFiles(roots, job())
    expect(readdirSync(file('')).toSorted()).toEqual([
      'checkpoints',
      'hostname',
      'hosts',
      'resolv.conf',
      'resolv.conf.hash',
      'shm',
    ])
    expect(
      ['', 'checkpoints', 'hostname', 'hosts', 'resolv.conf', 'shm'].map((name) => mode(file(name))),
    ).toEqual(['710', '700', '644', '644', '644', '1777'])
    expect(read('hostname')).toBe('c0ffee000000\n')
  })

  it('hashes resolv.conf as Docker does', async () => {
    await writeContainerFiles(roots, job({ hostConfig: { Dns: ['9.9.9.9'], DnsSearch: ['.'] } }))
    expect(read('resolv.conf')).toBe('nameserver 9.9.9.9\n')
    const digest = createHash('sha256').update(read('resolv.conf')).digest('hex')
    expect(read('resolv.conf.hash')).toBe(`sha256:${digest}`)
  })

  it('gives /dev/shm the size that was asked for', async () => {
    const ShmSize = 3 << 20
    await writeContainerFiles(roots, job({ hostConfig: { ShmSize } }))
    const { blocks, bsize } = statfsSync(shmPath(roots, id))
    expect(blocks * bsize).toBe(ShmSize)
    const mount = await mountAt(shmPath(roots, id))
    expect(mount).toMatchObject({ type: 'tmpfs', source: 'shm' })
    expect(mount?.flags).toEqual(expect.arrayContaining(['nosuid', 'nodev', 'noexec']))
  })

  it('takes edits away at the next start and mounts nothing twice', async () => {
    await writeContainerFiles(roots, job())
    writeFileSync(file('hosts'), 'edited')
    await writeContainerFiles(roots, job({ hostConfig: { ExtraHosts: ['a:1.2.3.4'] } }))
    expect(read('hosts')).toMatch(/^127\.0\.0\.1\tlocalhost\n[\s\S]*\n1\.2\.3\.4\ta\n$/)
    expect(await mountsBelow(roots.dataRoot)).toHaveLength(1)
  })

  it('takes the host’s own files on the host’s network', async () => {
    await writeContainerFiles(roots, job())
    const host = { config: { Hostname: '' }, hostConfig: { NetworkMode: 'host' } }
    await writeContainerFiles(roots, job(host))
    expect(read('hostname')).toBe(`${hostname()}\n`)
    expect(read('hosts')).toBe(readFileSync('/etc/hosts', 'utf8'))
    expect(read('resolv.conf')).toBe(readFileSync('/etc/resolv.conf', 'utf8'))
    expect(existsSync(file('resolv.conf.hash'))).toBe(false)
  })

  it('writes its own on the host’s network where something is asked for', async () => {
    const asked = { NetworkMode: 'host', ExtraHosts: ['a:1.2.3.4'], Dns: ['9.9.9.9'] }
    await writeContainerFiles(roots, job({ hostConfig: asked }))
    expect(read('hosts')).toContain('1.2.3.4\ta\n')
    expect(read('hosts')).toContain('ip6-allrouters')
    expect(read('resolv.conf')).toContain('nameserver 9.9.9.9\n')
    expect(existsSync(file('resolv.conf.hash'))).toBe(true)
  })

  it('refuses an extra host that is none, and its undo leaves no mount', async () => {
    await expect(
      writeContainerFiles(roots, job({ hostConfig: { ExtraHosts: ['a:b'] } })),
    ).rejects.toMatchObject({
      code: 'bad-request',
    })
    await undoContainerFiles(roots, { id })
    expect(await mountsBelow(roots.dataRoot)).toEqual([])
  })
})

describe('undoContainerFiles', () => {
  it('unmounts /dev/shm, keeps the files, and is fine with nothing', async () => {
    await writeContainerFiles(roots, job())
    await undoContainerFiles(roots, { id })
    await undoContainerFiles(roots, { id })
    expect(await mountAt(shmPath(roots, id))).toBeUndefined()
    expect(existsSync(file('hostname'))).toBe(true)
  })
})
