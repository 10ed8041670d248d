import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { openImages } from '../../../src/images/store.ts'
import { databasePath } from '../../../src/paths.ts'
import { openStore } from '../../../src/store/open.ts'
import { image, oldDockerArchive } from '../../fixtures/images/archives.ts'
import { file, tar } from '../../fixtures/images/tar-builder.ts'

const program = fileURLToPath(new URL('../../fixtures/images/load-program.ts', import.meta.url))
const layers = ['a', 'b', 'c'].map((name) => tar(file(name, Buffer.alloc(8 * 1024 * 1024, name))))
const built = image(layers, ['app:1'])
const archive = oldDockerArchive(built)

let dataRoot: string
let child: ChildProcess

beforeEach(async () => {
  dataRoot = join(await mkdtemp(join(tmpdir(), 'tallyman-crash-')), 'data')
  mkdirSync(dataRoot)
})

afterEach(async () => {
  child.kill('SIGKILL')
  await rm(join(dataRoot, '..'), { recursive: true })
})

/** Starts a load or import and sends so much of the archive. */
function start(how: 'load' | 'import', bytes: Buffer): void {
  child = spawn(process.execPath, [program, dataRoot, how], { stdio: ['pipe', 'ignore', 'inherit'] })
  child.stdin?.on('error', () => undefined)
  child.stdin?.write(bytes)
}

async function killNow(): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

const entries = (...parts: readonly string[]): readonly string[] => {
  try {
    return readdirSync(join(dataRoot, ...parts))
  } catch {
    return []
  }
}

async function expectRecovered(): Promise<void> {
  const roots = { dataRoot, execRoot: `${dataRoot}-exec` }
  const store = openStore({ path: databasePath(roots), clock: systemClock, bootId: 'boot' })
  try {
    const images = await openImages({ roots, store, clock: systemClock })
    const expected = new Set(images.list().flatMap((each) => each.layers))
    expect(
      entries('overlay2')
        .filter((name) => name !== 'l')
        .sort(),
    ).toEqual([...expected].sort())
    expect(entries('image/overlay2/layerdb/sha256').length).toBe(expected.size)
    expect(entries('image/overlay2/imagedb/content/sha256').length).toBe(images.list().length)
    expect(entries('tmp/images')).toEqual([])
    expect(await images.load(Readable.from([archive]), { requestId: 'test' })).toEqual([
      'Loaded image: app:1',
    ])
    expect(images.get('app:1').layers).toHaveLength(3)
  } finally {
    await store.close()
  }
}

it('a daemon killed while it receives an archive leaves nothing, and loads it later', async () => {
  start('load', archive.subarray(0, archive.length / 2))
  await expect
    .poll(() => entries('tmp/images').some((name) => name.startsWith('load-')), { timeout: 20_000 })
    .toBe(true)
  await killNow()
  await expectRecovered()
})

it('a daemon killed while it unpacks an import leaves nothing', async () => {
  start('import', layers[0]?.subarray(0, 4 * 1024 * 1024) ?? Buffer.alloc(0))
  await expect
    .poll(() => entries('tmp/images').some((name) => name.startsWith('layer-')), { timeout: 20_000 })
    .toBe(true)
  await killNow()
  await expectRecovered()
})

it.each([1, 2, 3])(
  'a daemon killed once %i of three layers are in place keeps no layer without an image',
  async (count) => {
    start('load', archive)
    child.stdin?.end()
    const inPlace = () => entries('overlay2').filter((name) => name !== 'l').length
    await expect.poll(inPlace, { timeout: 20_000, interval: 1 }).toBeGreaterThanOrEqual(count)
    await killNow()
    await expectRecovered()
  },
)
