import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { linkLayer } from '../../../src/images/layer-link.ts'
import { mountAt, mountsBelow } from '../../../src/kernel/mountinfo.ts'
import { detach } from '../../../src/kernel/mounts.ts'
import { overlayRoot, rootfsPath } from '../../../src/paths.ts'
import { prepareLayerRoot } from '../../../src/workers/layer-root.ts'
import { createContainerLayers } from '../../../src/workers/layers.ts'
import { rootfsHolds } from '../../../src/workers/rootfs-holds.ts'

const id = 'd'.repeat(64)
const image = { id: 'sha256:x', layers: ['base'] }
let base = ''
let roots = { dataRoot: '', execRoot: '' }

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'tally-holds-'))
  roots = { dataRoot: join(base, 'data'), execRoot: join(base, 'exec') }
  await prepareLayerRoot(roots)
  const diff = join(overlayRoot(roots), 'base', 'diff')
  mkdirSync(diff, { recursive: true })
  writeFileSync(join(diff, 'file'), 'of the image')
  await linkLayer(overlayRoot(roots), 'base')
  await createContainerLayers(roots, id, image)
})
afterEach(async () => {
  for (const { target } of (await mountsBelow(base)).toReversed()) await detach(target)
  await rm(base, { recursive: true })
})

const isMounted = async () => (await mountAt(rootfsPath(roots, id))) !== undefined

describe("who needs a container's root file system", () => {
  it('has it mounted for a copy while nothing runs, and not longer', async () => {
    const holds = rootfsHolds(roots)
    {
      await using _ = await holds.borrow({ id, image })
      expect(readFileSync(join(rootfsPath(roots, id), 'file'), 'utf8')).toBe('of the image')
    }
    expect(await isMounted()).toBe(false)
    expect(existsSync(rootfsPath(roots, id))).toBe(false)
  })

  it('shares one mount between copies', async () => {
    const holds = rootfsHolds(roots)
    const [one, other] = await Promise.all([holds.borrow({ id, image }), holds.borrow({ id, image })])
    await one[Symbol.asyncDispose]()
    expect(await isMounted()).toBe(true)
    await other[Symbol.asyncDispose]()
    expect(await isMounted()).toBe(false)
  })

  it('keeps it for the run that begins during a copy', async () => {
    const holds = rootfsHolds(roots)
    const copy = await holds.borrow({ id, image })
    await holds.take({ id, image })
    await copy[Symbol.asyncDispose]()
    expect(await isMounted()).toBe(true)
    await holds.giveBack(id)
    expect(await isMounted()).toBe(false)
  })

  it('keeps it for the copy that outlasts a run', async () => {
    const holds = rootfsHolds(roots)
    await holds.take({ id, image })
    const copy = await holds.borrow({ id, image })
    await holds.giveBack(id)
    expect(await isMounted()).toBe(true)
    await copy[Symbol.asyncDispose]()
    expect(await isMounted()).toBe(false)
  })

  it('leaves it to a run that began before this process', async () => {
    await rootfsHolds(roots).take({ id, image })
    const holds = rootfsHolds(roots)
    await (await holds.borrow({ id, image }))[Symbol.asyncDispose]()
    expect(await isMounted()).toBe(true)
    await holds.giveBack(id)
    expect(await isMounted()).toBe(false)
  })
})
