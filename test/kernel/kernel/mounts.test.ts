import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { whiteout } from '../../../src/kernel/at.ts'
import { mountAt, mountsBelow, parseMountinfo } from '../../../src/kernel/mountinfo.ts'
import {
  detach,
  isolate,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  mountOverlay,
  mountTmpfs,
  startsFileSystem,
  unmountUnused,
} from '../../../src/kernel/mounts.ts'

let base = ''
const at = (...names: string[]): string => join(base, ...names)

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'tally mounts,a:b-'))
})
afterEach(async () => {
  for (const { target } of (await mountsBelow(base)).toReversed()) await detach(target)
  await detach(base)
  await rm(base, { recursive: true })
})

/** Directories for one overlay: `count` lower ones, each with a file of its own name, and `who` naming the layer that it is from. */
async function layers(name: string, count: number) {
  const lowers = Array.from({ length: count }, (_, index) => at(name, 'l', `layer-${index}`))
  for (const [index, lower] of lowers.entries()) {
    await mkdir(lower, { recursive: true })
    writeFileSync(join(lower, `file-${index}`), '')
    writeFileSync(join(lower, 'who'), String(index))
  }
  const [upper, work, target] = [at(name, 'upper'), at(name, 'work'), at(name, 'merged')]
  for (const directory of [upper, work, target]) await mkdir(directory)
  return { lowers, upper, work, target, cwd: base }
}

/** A process in a mount namespace of its own that follows ours, as a systemd service has. */
async function otherNamespace(): Promise<ChildProcess> {
  const child = spawn('unshare', ['-m', '--propagation', 'slave', 'sh', '-c', 'echo ready; exec sleep 60'])
  await once(child.stdout, 'data')
  return child
}

describe('mountOverlay', () => {
  it('shows the topmost lower first and writes to the upper, in paths with commas, colons and spaces', async () => {
    const overlay = await layers('one', 2)
    await mountOverlay(overlay)
    expect(readFileSync(join(overlay.target, 'who'), 'utf8')).toBe('0')
    writeFileSync(join(overlay.target, 'new'), 'x')
    expect(readdirSync(overlay.upper)).toEqual(['new'])
    expect(await mountAt(overlay.target)).toMatchObject({ type: 'overlay', source: 'overlay' })
  })

  it('turns a deletion into a whiteout as at.ts describes it', async () => {
    const overlay = await layers('one', 1)
    await mountOverlay(overlay)
    await rm(join(overlay.target, 'who'))
    const entry = lstatSync(join(overlay.upper, 'who'))
    expect([entry.isCharacterDevice(), entry.rdev, entry.mode & 0o170000]).toEqual([true, 0, whiteout.mode])
  })

  it('mounts 120 layers, whose options do not fit one page unless they are relative', async () => {
    const overlay = await layers('many', 120)
    await mountOverlay(overlay)
    expect(readdirSync(overlay.target)).toHaveLength(121)
    expect(readFileSync(join(overlay.target, 'who'), 'utf8')).toBe('0')
    const { cwd: _, ...withoutDirectory } = overlay
    await expect(mountOverlay(withoutDirectory)).rejects.toThrow(/too many layers/)
  })

  it('leaves the process in its directory', async () => {
    const before = process.cwd()
    await mountOverlay(await layers('many', 120))
    expect(process.cwd()).toBe(before)
  })

  it('says ENOENT if a lower directory is missing', async () => {
    const overlay = await layers('one', 1)
    const broken = { ...overlay, lowers: [...overlay.lowers, at('gone')] }
    await expect(mountOverlay(broken)).rejects.toMatchObject({ code: 'ENOENT', syscall: 'mount' })
  })

  it('mounts many at once', async () => {
    const overlays = await Promise.all(
      Array.from({ length: 12 }, (_, index) => layers(`n${index}`, index * 10 + 1)),
    )
    await Promise.all(overlays.map((overlay) => mountOverlay(overlay)))
    for (const [index, { target }] of overlays.entries())
      expect(existsSync(join(target, `file-${index * 10}`))).toBe(true)
    await Promise.all(overlays.map(({ target }) => detach(target)))
    expect(await mountsBelow(base)).toEqual([])
  })
})

describe('mountTmpfs', () => {
  it('has the size, the mode and the flags that were asked for', async () => {
    const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    await mountTmpfs({ target: base, size: 1 << 20, mode: 0o1777, flags, source: 'shm' })
    expect(statSync(base).mode & 0o7777).toBe(0o1777)
    expect(() => writeFileSync(at('big'), Buffer.alloc((1 << 20) + 1))).toThrow(/ENOSPC/)
    const mount = await mountAt(base)
    expect(mount).toMatchObject({ type: 'tmpfs', source: 'shm' })
    expect(mount?.flags).toEqual(expect.arrayContaining(['nosuid', 'nodev', 'noexec']))
  })
})

describe('detach', () => {
  it('takes away all that is stacked there, though it is in use, and is fine with nothing', async () => {
    for (const size of [1 << 20, 2 << 20]) await mountTmpfs({ target: base, size, mode: 0o700 })
    const busy = openSync(at('busy'), 'w')
    expect(startsFileSystem(base)).toBe(true)
    await detach(base)
    expect(startsFileSystem(base)).toBe(false)
    await detach(base)
    await detach(at('never', 'there'))
    closeSync(busy)
  })

  it('does not follow a symbolic link', async () => {
    await mkdir(at('mounted'))
    await mountTmpfs({ target: at('mounted'), size: 1 << 20, mode: 0o700 })
    await symlink('mounted', at('link'))
    await detach(at('link'))
    expect(startsFileSystem(at('mounted'))).toBe(true)
  })
})

describe('isolate', () => {
  it('keeps what is mounted below it out of the namespaces that share the mount above', async () => {
    await mountTmpfs({ target: base, size: 1 << 20, mode: 0o700 })
    spawnSync('mount', ['--make-shared', base])
    await mkdir(at('isolated', 'target'), { recursive: true })
    await mkdir(at('open'))
    await isolate(at('isolated'))
    await isolate(at('isolated'))
    expect(await mountsBelow(base)).toHaveLength(1)
    const other = await otherNamespace()
    await mountTmpfs({ target: at('isolated', 'target'), size: 1 << 20, mode: 0o700 })
    await mountTmpfs({ target: at('open'), size: 1 << 20, mode: 0o700 })
    const seen = parseMountinfo(readFileSync(`/proc/${other.pid}/mountinfo`, 'utf8')).map(
      ({ target }) => target,
    )
    other.kill('SIGKILL')
    expect(seen).toContain(at('open'))
    expect(seen).not.toContain(at('isolated', 'target'))
  })

  it('goes away only when nothing is mounted below', async () => {
    await mkdir(at('isolated', 'target'), { recursive: true })
    await isolate(at('isolated'))
    await mountTmpfs({ target: at('isolated', 'target'), size: 1 << 20, mode: 0o700 })
    expect(await unmountUnused(at('isolated'))).toBe(false)
    await detach(at('isolated', 'target'))
    expect(await unmountUnused(at('isolated'))).toBe(true)
    expect(await unmountUnused(at('isolated'))).toBe(true)
  })
})
