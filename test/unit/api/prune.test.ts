import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test as it, onTestFinished } from 'vitest'
import { conflict } from '../../../src/errors.ts'
import type { Image, RemoveImageOptions } from '../../../src/images/port.ts'
import { layerPath, type Roots } from '../../../src/paths.ts'
import { viewOf } from './parts.ts'
import { anImage, serverBelow } from './server-under-test.ts'

/** What there is, what was removed of it, and what the record was told. */
class Quay {
  readonly roots: Roots
  readonly removed: string[] = []
  readonly noted: unknown[] = []
  /** References that something is in use by. */
  readonly inUse = new Set<string>()
  readonly views = [
    viewOf({ name: 'runs' }),
    viewOf({
      id: 'b'.repeat(64),
      name: 'old',
      status: 'exited',
      config: { Labels: { keep: 'yes', a: '1' } },
    }),
    viewOf({ id: 'c'.repeat(64), name: 'new', status: 'created' }),
    viewOf({ id: 'd'.repeat(64), name: 'paused', status: 'paused' }),
  ]
  images: Image[] = []

  constructor() {
    const dataRoot = mkdtempSync(join(tmpdir(), 'tally-prune-'))
    onTestFinished(() => rmSync(dataRoot, { recursive: true }))
    this.roots = { dataRoot, execRoot: dataRoot }
  }

  layer(name: string, bytes: number): this {
    mkdirSync(join(layerPath(this.roots, name), 'diff'), { recursive: true })
    writeFileSync(join(layerPath(this.roots, name), 'diff', 'file'), Buffer.alloc(bytes))
    return this
  }

  async prune(
    what: string,
    filters: object = {},
  ): Promise<{ readonly status: number; readonly answer: unknown }> {
    const app = serverBelow(this.roots, {
      list: () => this.views,
      remove: async (ref) => this.#remove(ref),
      notePruned: async (kind, reclaimed) => void this.noted.push([kind, reclaimed]),
      images: {
        list: () => this.images,
        remove: async (reference: string, _how: RemoveImageOptions) => {
          this.#remove(reference)
          const image = this.images.find(({ id, tags }) => id === reference || tags.includes(reference))
          for (const layer of image?.layers ?? [])
            rmSync(layerPath(this.roots, layer), { recursive: true, force: true })
          return [{ Deleted: reference }]
        },
      },
    })
    const url = `/${what}/prune?filters=${encodeURIComponent(JSON.stringify(filters))}`
    const reply = await app.inject({ method: 'POST', url })
    return { status: reply.statusCode, answer: reply.json() }
  }

  #remove(ref: string): void {
    if (this.inUse.has(ref)) throw conflict(`${ref} is in use`)
    this.removed.push(ref)
  }
}

const [old, created] = ['b'.repeat(64), 'c'.repeat(64)]

describe('POST /containers/prune', () => {
  it('removes what does not run, and counts what it had written', async () => {
    const quay = new Quay().layer(old, 1000).layer(created, 20)
    expect(await quay.prune('containers')).toEqual({
      status: 200,
      answer: { ContainersDeleted: [old, created], SpaceReclaimed: 1020 },
    })
    expect(quay.removed).toEqual([old, created])
    expect(quay.noted).toEqual([['container', 1020]])
  })

  it.each([
    [{ label: ['keep'] }, [old]],
    [{ label: ['keep=yes', 'a'] }, [old]],
    [{ label: ['keep=no'] }, null],
    [{ 'label!': ['keep'] }, [created]],
    [{ 'label!': ['keep', 'other'] }, [old, created]],
    [{ until: ['2020-01-01'] }, null],
    [{ until: { '1ms': true } }, [old, created]],
  ])('with %j removes those', async (filters, expected) => {
    const { answer } = await new Quay().prune('containers', filters)
    expect(answer).toMatchObject({ ContainersDeleted: expected })
  })

  it('goes on after one that can’t be removed', async () => {
    const quay = new Quay().layer(old, 1000)
    quay.inUse.add(old)
    expect(await quay.prune('containers')).toMatchObject({
      answer: { ContainersDeleted: [created], SpaceReclaimed: 0 },
    })
  })

  it.each([
    [{ nonsense: ['1'] }, 400, "Invalid filter 'nonsense'"],
    [{ until: ['1h', '2h'] }, 500, 'more than one until filter specified'],
    [{ until: ['x'] }, 500, 'failed to parse value as time or duration: "x"'],
  ])('with %j is refused', async (filters, status, message) => {
    const quay = new Quay()
    expect(await quay.prune('containers', filters)).toEqual({ status, answer: { message } })
    expect([quay.removed, quay.noted]).toEqual([[], []])
  })
})

describe('POST /images/prune', () => {
  const quayWithImages = () => {
    const quay = new Quay().layer('low', 10).layer('high', 5)
    quay.images = [
      anImage({ id: 'sha256:none', tags: [], layers: ['low'] }),
      anImage({ id: 'sha256:two', tags: ['a:1', 'b:1'], layers: ['high'] }),
    ]
    return quay
  }

  it('removes those without a name, and counts the layers that are gone', async () => {
    const quay = quayWithImages()
    expect(await quay.prune('images')).toEqual({
      status: 200,
      answer: { ImagesDeleted: [{ Deleted: 'sha256:none' }], SpaceReclaimed: 10 },
    })
    expect(quay.noted).toEqual([['image', 10]])
  })

  it('with dangling=false removes those with names as well, name by name, unless they are in use', async () => {
    const quay = quayWithImages()
    quay.inUse.add('b:1')
    await quay.prune('images', { dangling: ['false'] })
    expect(quay.removed).toEqual(['sha256:none', 'a:1'])
  })

  it.each([
    [{ dangling: ['x'] }, "Invalid filter 'dangling=[x]'"],
    [{ reference: ['x'] }, "Invalid filter 'reference'"],
  ])('with %j is refused', async (filters, message) => {
    expect(await quayWithImages().prune('images', filters)).toEqual({ status: 400, answer: { message } })
  })
})

describe('Of networks and builds', () => {
  it.each([
    ['networks', { NetworksDeleted: null }, 'network'],
    ['build', { CachesDeleted: null, SpaceReclaimed: 0 }, 'builder'],
  ])('%s: there is nothing to remove', async (what, answer, kind) => {
    const quay = new Quay()
    expect(await quay.prune(what, { until: ['1h'] })).toEqual({ status: 200, answer })
    expect(quay.noted).toEqual([[kind, 0]])
  })

  it.each([
    ['networks', { dangling: ['1'] }, 400, "Invalid filter 'dangling'"],
    ['networks', { until: ['x'] }, 500, 'failed to parse value as time or duration: "x"'],
    ['build', { nonsense: ['1'] }, 400, "failed to prune build cache: Invalid filter 'nonsense'"],
    [
      'build',
      { until: ['x'] },
      500,
      'failed to prune build cache: "until" filter expects a duration (e.g., \'24h\'): time: invalid duration "x"',
    ],
  ])('%s refuses %j', async (what, filters, status, message) => {
    expect(await new Quay().prune(what, filters)).toEqual({ status, answer: { message } })
  })
})
