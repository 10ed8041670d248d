import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mountsBelow } from '../../../src/kernel/mountinfo.ts'
import { detach, mountOverlay } from '../../../src/kernel/mounts.ts'
import { requireOverlay, requireRoot, requireRuntime } from '../../../src/kernel/requirements.ts'

let base = ''
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'tally-requirements-'))
})
afterEach(() => rm(base, { recursive: true }))

describe('requireOverlay', () => {
  it('is content with a data root where an overlay can be mounted and leaves nothing there', async () => {
    await requireOverlay(base)
    expect(readdirSync(base)).toEqual([])
    expect(await mountsBelow(base)).toEqual([])
  })

  it('says that an overlay on an overlay is no data root', async () => {
    const [lower, upper, work, target] = [join(base, 'l'), join(base, 'u'), join(base, 'w'), join(base, 'm')]
    for (const path of [lower, upper, work, target]) await mkdir(path)
    await mountOverlay({ lowers: [lower], upper, work, target })
    await expect(requireOverlay(target)).rejects.toThrow(`No overlay can be mounted on ${target}`)
    await detach(target)
    expect(readdirSync(upper)).toEqual([])
  })
})

describe('requireRuntime', () => {
  it('takes an absolute path that can be executed', async () => {
    const path = join(base, 'runtime')
    writeFileSync(path, '#!/bin/sh\n')
    await expect(requireRuntime(path)).rejects.toThrow(`The OCI runtime ${path} was not found`)
    chmodSync(path, 0o755)
    expect(await requireRuntime(path)).toBe(path)
  })

  it('finds a name as a shell would, and refuses a directory and a relative path', async () => {
    expect(await requireRuntime('sh')).toMatch(/^\/.*\/sh$/)
    await expect(requireRuntime('tally-no-such-runtime')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(requireRuntime(base)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(requireRuntime('./runc')).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('requireRoot', () => {
  it('is content with root', () => {
    expect(requireRoot).not.toThrow()
  })
})
