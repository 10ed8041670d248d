import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { linkLayer, shortLink } from '../../../src/images/layer-link.ts'
import { AT_FDCWD, changeOwnerAt } from '../../../src/kernel/at.ts'
import { mountAt, mountsBelow, parseMountinfo } from '../../../src/kernel/mountinfo.ts'
import { detach, mountTmpfs } from '../../../src/kernel/mounts.ts'
import { overlayRoot } from '../../../src/paths.ts'
import { prepareLayerRoot, releaseLayerRoot } from '../../../src/workers/layer-root.ts'
import { createContainerLayers, removeContainerLayers } from '../../../src/workers/layers.ts'
import { rootfsWorker } from '../../../src/workers/rootfs.ts'
import { rootfsHolds } from '../../../src/workers/rootfs-holds.ts'
import type { Job } from '../../../src/workers/worker.ts'
import { aSpec } from '../../fixtures/spec.ts'

const id = 'c'.repeat(64)
const signal = new AbortController().signal
let base = ''
let roots = { dataRoot: '', execRoot: '' }
const overlay = (...names: string[]): string => join(overlayRoot(roots), ...names)
const merged = (): string => overlay(id, 'merged')

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'tally-rootfs-'))
  roots = { dataRoot: join(base, 'data'), execRoot: join(base, 'exec') }
  await prepareLayerRoot(roots)
})
afterEach(async () => {
  for (const { target } of (await mountsBelow(base)).toReversed()) await detach(target)
  await rm(base, { recursive: true })
})

/** An image layer with these files; a name that ends in `/` is a directory. */
async function imageLayer(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const diff = overlay(name, 'diff')
  mkdirSync(diff, { recursive: true })
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(path.endsWith('/') ? join(diff, path) : dirname(join(diff, path)), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(join(diff, path), text)
  }
  await linkLayer(overlayRoot(roots), name)
  return name
}

const job = (layers: readonly string[]): Job => ({
  id,
  name: 'one',
  runId: 'run-1',
  spec: aSpec({ image: { id: 'sha256:x', layers } }),
})
const create = (layers: readonly string[]): Promise<void> =>
  createContainerLayers(roots, id, { id: 'sha256:x', layers })
const worker = () => rootfsWorker({ roots, holds: rootfsHolds(roots) })
const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8)

describe('createContainerLayers', () => {
  it('makes the directories, files and modes that overlay2 has', async () => {
    await create([await imageLayer('base', { 'bin/sh': 'sh' })])
    expect(readdirSync(overlay(id)).toSorted()).toEqual(['diff', 'link', 'lower', 'work'])
    expect(readdirSync(overlay(`${id}-init`)).toSorted()).toEqual([
      'committed',
      'diff',
      'link',
      'lower',
      'work',
    ])
    expect([mode(overlay(id)), mode(overlay(id, 'work')), mode(overlay(`${id}-init`))]).toEqual([
      '710',
      '700',
      '710',
    ])
    expect(readFileSync(overlay(id, 'lower'), 'utf8')).toBe(
      `l/${shortLink(`${id}-init`)}:l/${shortLink('base')}`,
    )
    expect(readlinkSync(overlay('l', readFileSync(overlay(id, 'link'), 'utf8')))).toBe(`../${id}/diff`)
    expect(await mountsBelow(overlayRoot(roots))).toEqual([])
  })

  it('has the empty bind targets in the init layer and nothing else', async () => {
    await create([await imageLayer('base', { 'bin/sh': 'sh', 'etc/hosts': 'of the image' })])
    const init = overlay(`${id}-init`, 'diff')
    const names = readdirSync(init, { recursive: true }).map(String).toSorted()
    expect(names).toEqual(
      [
        '.dockerenv',
        'dev',
        'dev/console',
        'dev/pts',
        'dev/shm',
        'etc',
        'etc/hostname',
        'etc/hosts',
        'etc/mtab',
        'etc/resolv.conf',
        'proc',
        'sys',
      ].toSorted(),
    )
    for (const name of ['etc/hostname', 'etc/hosts', 'etc/resolv.conf', 'dev/console'])
      expect([lstatSync(join(init, name)).size, mode(join(init, name))]).toEqual([0, '755'])
    expect(readlinkSync(join(init, 'etc/mtab'))).toBe('/proc/mounts')
  })

  it('keeps owner and mode of the image’s directories, its root too', async () => {
    const layer = await imageLayer('base', { 'etc/passwd': 'x' })
    changeOwnerAt(AT_FDCWD, overlay(layer, 'diff'), { uid: 12, gid: 34 })
    changeOwnerAt(AT_FDCWD, overlay(layer, 'diff/etc'), { uid: 56, gid: 78 })
    await create([layer])
    await worker().perform(job([layer]), signal)
    const [root, etc] = [statSync(merged()), statSync(join(merged(), 'etc'))]
    expect([root.uid, root.gid, etc.uid, etc.gid]).toEqual([12, 34, 56, 78])
  })

  it('leaves what the image has as another type, and follows its links only inside the root', async () => {
    const layer = await imageLayer('base', { 'usr/etc/': '', 'dev/console/': '' })
    const diff = overlay(layer, 'diff')
    symlinkSync('/usr/etc', join(diff, 'etc'))
    symlinkSync('/run/resolv.conf', join(diff, 'usr/etc/resolv.conf'))
    symlinkSync(base, join(diff, 'proc'))
    await create([layer])
    const init = overlay(`${id}-init`, 'diff')
    expect(readdirSync(init).toSorted()).toEqual(['.dockerenv', 'dev', 'sys', 'usr'])
    expect(readdirSync(join(init, 'usr/etc')).toSorted()).toEqual(['hostname', 'hosts', 'mtab'])
    expect(readdirSync(base).toSorted()).toEqual(['data'])
  })

  it('changes nothing when it is run again, and completes what a crash left half made', async () => {
    const layer = await imageLayer('base', { 'bin/sh': 'sh' })
    await create([layer])
    writeFileSync(overlay(id, 'diff/written'), 'by the container')
    await rm(overlay(`${id}-init`, 'committed'))
    await rm(overlay(`${id}-init`, 'diff/etc/hosts'))
    await rm(overlay('l', shortLink(id)))
    await create([layer])
    expect(readFileSync(overlay(id, 'diff/written'), 'utf8')).toBe('by the container')
    expect(existsSync(overlay(`${id}-init`, 'diff/etc/hosts'))).toBe(true)
    expect(existsSync(overlay('l', shortLink(id)))).toBe(true)
  })

  it('works for an image without layers', async () => {
    await create([])
    await worker().perform(job([]), signal)
    expect(readdirSync(merged()).toSorted()).toEqual(['.dockerenv', 'dev', 'etc', 'proc', 'sys'])
  })
})

describe('removeContainerLayers', () => {
  it('leaves nothing of the container, mounted or not, and is fine with nothing', async () => {
    const layer = await imageLayer('base', { 'bin/sh': 'sh' })
    await create([layer])
    await worker().perform(job([layer]), signal)
    await removeContainerLayers(roots, id)
    expect(readdirSync(overlayRoot(roots)).toSorted()).toEqual(['base', 'l'])
    expect(readdirSync(overlay('l'))).toEqual([shortLink('base')])
    expect(await mountsBelow(overlayRoot(roots))).toEqual([])
    await removeContainerLayers(roots, id)
  })
})

describe('the rootfs worker', () => {
  it('merges all layers, the container’s own on top, and answers with where', async () => {
    const layers = [await imageLayer('low', { who: 'low', a: '' }), await imageLayer('high', { who: 'high' })]
    await create(layers)
    writeFileSync(overlay(id, 'diff/mine'), '')
    const events = await worker().perform(job(layers), signal)
    expect(events).toEqual([{ type: 'RootfsMounted', runId: 'run-1', rootfs: merged() }])
    expect(readFileSync(join(merged(), 'who'), 'utf8')).toBe('high')
    expect(readdirSync(merged())).toEqual(expect.arrayContaining(['a', 'mine', 'etc', 'dev']))
  })

  it('finds its work done after a crash, and mounts nothing twice', async () => {
    const layer = await imageLayer('base', { a: '' })
    await create([layer])
    await worker().perform(job([layer]), signal)
    const first = await mountAt(merged())
    await worker().perform(job([layer]), signal)
    expect(await mountsBelow(overlayRoot(roots))).toEqual([first])
  })

  it('takes away a foreign mount that it finds in its place', async () => {
    const layer = await imageLayer('base', { a: '' })
    await create([layer])
    mkdirSync(merged())
    await mountTmpfs({ target: merged(), size: 1 << 20, mode: 0o700 })
    await worker().perform(job([layer]), signal)
    expect((await mountsBelow(overlayRoot(roots))).map(({ type }) => type)).toEqual(['overlay'])
  })

  it('mounts 127 image layers', async () => {
    const layers: string[] = []
    for (let i = 0; i < 127; i++) layers.push(await imageLayer(`${i}`.padStart(64, '0'), { [`f${i}`]: '' }))
    await create(layers)
    await worker().perform(job(layers), signal)
    expect(readdirSync(merged()).filter((name) => name.startsWith('f'))).toHaveLength(127)
    await worker().perform(job(layers), signal)
    expect(await mountsBelow(overlayRoot(roots))).toHaveLength(1)
  })

  it('names the layer that is missing', async () => {
    const layers = [await imageLayer('low', { a: '' }), await imageLayer('high', { b: '' })]
    await create(layers)
    await rm(overlay('low'), { recursive: true })
    await expect(worker().perform(job(layers), signal)).rejects.toMatchObject({
      code: 'internal',
      message: `lowerdir ${overlay('low', 'diff')} missing`,
      detail: expect.stringContaining('ENOENT'),
      step: 'mountRootfs',
      exitCode: 128,
    })
    await worker().undo(job(layers))
    expect(existsSync(merged())).toBe(false)
  })

  it('makes the container’s layers again if a power cut took them', async () => {
    const layer = await imageLayer('base', { a: '' })
    await create([layer])
    await rm(overlay(id), { recursive: true })
    await rm(overlay(`${id}-init`), { recursive: true })
    await worker().perform(job([layer]), signal)
    expect(existsSync(join(merged(), 'etc/hosts'))).toBe(true)
  })

  it('does nothing once it is cancelled', async () => {
    const layer = await imageLayer('base', { a: '' })
    await create([layer])
    await expect(worker().perform(job([layer]), AbortSignal.abort())).rejects.toMatchObject({
      name: 'AbortError',
    })
    expect(await mountsBelow(overlayRoot(roots))).toEqual([])
  })

  it('undoes its mount, keeps what was written, and is fine with nothing', async () => {
    const layer = await imageLayer('base', { a: '' })
    await create([layer])
    await worker().perform(job([layer]), signal)
    writeFileSync(join(merged(), 'written'), '')
    await worker().undo(job([layer]))
    await worker().undo(job([layer]))
    expect(existsSync(merged())).toBe(false)
    expect(existsSync(overlay(id, 'diff/written'))).toBe(true)
    expect(await releaseLayerRoot(roots)).toBe(true)
  })

  it('leaves no copy of the mount in a namespace that was made while it was there', async () => {
    const layer = await imageLayer('base', { a: '' })
    await create([layer])
    await worker().perform(job([layer]), signal)
    const other = spawn('unshare', ['-m', 'sh', '-c', 'echo ready; exec sleep 60'])
    await once(other.stdout, 'data')
    const copies = () =>
      parseMountinfo(readFileSync(`/proc/${other.pid}/mountinfo`, 'utf8')).filter(({ target }) =>
        target.startsWith(merged()),
      )
    expect(copies()).toHaveLength(1)
    await worker().undo(job([layer]))
    expect(copies()).toEqual([])
    other.kill('SIGKILL')
  })
})
