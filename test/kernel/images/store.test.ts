import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ContainerEvent } from '../../../machines/container-events.ts'
import type { ImageEvent } from '../../../machines/image-events.ts'
import { systemClock } from '../../../src/clock.ts'
import { shortLink } from '../../../src/images/layer-link.ts'
import type { Images } from '../../../src/images/port.ts'
import { projectImage } from '../../../src/images/projection.ts'
import { openImages } from '../../../src/images/store.ts'
import { databasePath, type Roots } from '../../../src/paths.ts'
import { openStore, type Store } from '../../../src/store/open.ts'
import type { RecordedEvent } from '../../../src/store/port.ts'
import {
  type Built,
  image,
  nestedOciLayout,
  newDockerArchive,
  ociLayout,
  oldDockerArchive,
  sha256,
} from '../../fixtures/images/archives.ts'
import { directory, file, tar } from '../../fixtures/images/tar-builder.ts'

const origin = { requestId: 'test' }
const base = tar(directory('bin'), file('bin/sh', 'shell', { mode: 0o755 }))
const middle = tar(file('etc', 'one'))
const top = tar(file('.wh.etc'), file('new', 'x'))
const nobody = () => []

let roots: Roots
let store: Store
let images: Images

beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'tallyman-images-'))
  roots = { dataRoot: join(root, 'data'), execRoot: join(root, 'exec') }
  mkdirSync(roots.dataRoot)
  await open()
})

afterEach(async () => {
  await store.close()
  await rm(join(roots.dataRoot, '..'), { recursive: true })
})

async function open(): Promise<void> {
  store = openStore({ path: databasePath(roots), clock: systemClock, bootId: 'boot' })
  images = await openImages({ roots, store, clock: systemClock })
}

/** What a daemon does that was killed and is started again. */
async function reopen(): Promise<void> {
  await store.close()
  await open()
}

const stream = (...parts: readonly Buffer[]): Readable => Readable.from(parts)
const load = (archive: Buffer): Promise<readonly string[]> => images.load(stream(archive), origin)
const inData = (...parts: readonly string[]): string => join(roots.dataRoot, ...parts)
const list = (...parts: readonly string[]): readonly string[] => readdirSync(inData(...parts)).sort()
const hexOf = (id: string): string => id.replace('sha256:', '')
const configOf = (id: string): Buffer =>
  readFileSync(inData('image/overlay2/imagedb/content/sha256', hexOf(id)))
const layerNames = (): readonly string[] => list('overlay2').filter((name) => name !== 'l')
const leftovers = (): readonly string[] => list('tmp/images')

function remove(reference: string, force = false, usedBy: () => ReturnType<typeof nobody> = nobody) {
  return images.remove(reference, { force, noPrune: false, usedBy }, origin)
}

function messages(): readonly string[] {
  return Array.from(store.messages.range({}), ({ action, attributes }) => `${action} ${attributes.name}`)
}

function expectNothing(): void {
  expect(images.list()).toEqual([])
  expect(layerNames()).toEqual([])
  expect(list('overlay2/l')).toEqual([])
  expect(list('image/overlay2/layerdb/sha256')).toEqual([])
  expect(list('image/overlay2/imagedb/content/sha256')).toEqual([])
  expect(leftovers()).toEqual([])
}

describe('import', () => {
  it('makes an image of one layer, with a config that says so', async () => {
    const id = await images.import(
      stream(base),
      { repository: 'me/app', tag: '1', changes: ['CMD ["sh"]'] },
      origin,
    )
    const made = images.get('me/app:1')
    expect(made).toMatchObject({
      ...{ id, config: { Cmd: ['sh'] }, comment: 'Imported from -', os: 'linux', size: 5 },
      ...{ diffIds: [sha256(base)], layers: [hexOf(sha256(base))], tags: ['me/app:1'] },
    })
    expect(made.history).toEqual([{ created: made.createdAt, comment: 'Imported from -' }])
    expect(sha256(configOf(id))).toBe(id)
    expect(readFileSync(inData('overlay2', made.layers[0] ?? '', 'diff/bin/sh'), 'utf8')).toBe('shell')
    expect(messages()).toEqual([`import ${id}`, 'tag me/app:1'])
  })

  it('records what the layer is', async () => {
    await images.import(stream(base), { changes: [] }, origin)
    const name = hexOf(sha256(base))
    const record = (key: string) => readFileSync(inData('image/overlay2/layerdb/sha256', name, key), 'utf8')
    expect([record('diff'), record('cache-id'), record('size')]).toEqual([sha256(base), name, '5'])
    expect(readFileSync(inData('overlay2', name, 'link'), 'utf8')).toBe(shortLink(name))
    expect(readlinkSync(inData('overlay2/l', shortLink(name)))).toBe(`../${name}/diff`)
  })

  it('refuses a bad change or name before it reads anything', async () => {
    const untouched = new Readable({ read: () => expect.fail('was read') })
    const tryIt = (repository: string, change: string) =>
      images.import(untouched, { repository, changes: [change] }, origin)
    await expect(tryIt('x', 'FROM y')).rejects.toMatchObject({
      message: 'from is not a valid change command',
    })
    await expect(tryIt('X', 'USER y')).rejects.toMatchObject({ code: 'bad-request' })
    expectNothing()
  })

  it('leaves nothing behind if the archive is broken', async () => {
    const broken = images.import(stream(base.subarray(0, 700)), { changes: [] }, origin)
    await expect(broken).rejects.toMatchObject({
      code: 'bad-request',
      message: 'Error processing tar file: unexpected EOF',
    })
    expectNothing()
  })

  it('leaves nothing behind if the client goes away', async () => {
    const gone = new Readable({ read() {} })
    gone.push(base.subarray(0, 1024))
    setImmediate(() => gone.destroy(new Error('gone')))
    await expect(images.import(gone, { changes: [] }, origin)).rejects.toThrow('gone')
    expectNothing()
  })

  it('says which program is missing', async () => {
    const path = process.env.PATH
    process.env.PATH = '/nonexistent'
    await reopen() // threads see the environment of when they were started
    const packed = execFileSync('/usr/bin/xz', ['-c'], { input: base })
    await expect(images.import(stream(packed), { changes: [] }, origin)).rejects.toMatchObject({
      code: 'not-supported',
      message: 'the archive is packed with xz, which is not installed on this machine',
    })
    process.env.PATH = path
  })
})

describe('load', () => {
  const built = image([base, middle, top], ['app:1', 'reg.io:5000/app:2'])

  function expectLoaded({ id, config, layers }: Built): void {
    const found = images.get(id)
    expect(configOf(id)).toEqual(config)
    expect(found.diffIds).toEqual(layers.map(sha256))
    expect(found.createdAt).toBe('2020-01-02T03:04:05.000000006Z')
    expect(existsSync(inData('overlay2', found.layers.at(-1) ?? '', 'diff/new'))).toBe(true)
    expect(leftovers()).toEqual([])
  }

  it.each([
    ['docker save 20.10', oldDockerArchive(built)],
    ['docker save 25', newDockerArchive(built)],
    ['docker save 20.10, gzip', gzipSync(oldDockerArchive(built))],
    ['docker save 25, zstd', zstdCompressSync(newDockerArchive(built))],
  ])('takes what %s writes and keeps the id', async (_, archive) => {
    expect(await load(archive)).toEqual(['Loaded image: app:1', 'Loaded image: reg.io:5000/app:2'])
    expectLoaded(built)
    expect(images.get('app:1').tags).toEqual(['app:1', 'reg.io:5000/app:2'])
    expect(messages()).toEqual([`load ${built.id}`])
  })

  it.each([
    ['gzip', built.layers.map((layer) => gzipSync(layer))],
    ['zstd', built.layers.map((layer) => zstdCompressSync(layer))],
    ['plain', built.layers],
  ])('takes an OCI layout with %s layers', async (_, packed) => {
    const annotations = {
      'io.containerd.image.name': 'docker.io/library/app:9',
      'org.opencontainers.image.ref.name': '9',
    }
    expect(await load(ociLayout({ image: built, packed, annotations }))).toEqual(['Loaded image: app:9'])
    expectLoaded(built)
  })

  it('takes the image for this machine out of nested indexes', async () => {
    const annotations = { 'org.opencontainers.image.ref.name': 'quay.io/a/b:c' }
    const archive = nestedOciLayout(
      { image: built, annotations },
      image([base], [], { architecture: 'mips' }),
    )
    expect(await load(archive)).toEqual(['Loaded image: quay.io/a/b:c'])
    expect(images.list().map(({ id }) => id)).toEqual([built.id])
  })

  it('prints the id of an image without a name; a bare tag is none', async () => {
    const annotations = { 'org.opencontainers.image.ref.name': 'latest' }
    expect(await load(ociLayout({ image: built, annotations }))).toEqual([`Loaded image ID: ${built.id}`])
  })

  it('shares layers between images, also one that the archive only links to', async () => {
    const other = image([base, top], ['other:1'])
    await load(oldDockerArchive(built, other))
    expect(layerNames()).toHaveLength(4)
    expect(images.get('other:1').layers[0]).toBe(images.get('app:1').layers[0])
    const lowest = images.get('app:1').layers[0] ?? ''
    const second = images.get('app:1').layers[1] ?? ''
    expect(readFileSync(inData('overlay2', second, 'lower'), 'utf8')).toBe(`l/${shortLink(lowest)}`)
  })

  it('takes a tag from the image that had it, and says so', async () => {
    const newer = image([base], ['app:1'])
    await load(oldDockerArchive(built))
    expect(await load(oldDockerArchive(newer))).toEqual([
      `The image app:1 already exists, renaming the old one with ID ${built.id} to empty string`,
      'Loaded image: app:1',
    ])
    expect(images.get(built.id).tags).toEqual(['reg.io:5000/app:2'])
  })

  it('twice at once unpacks each layer once', async () => {
    const archive = oldDockerArchive(built)
    const answers = await Promise.all([load(archive), load(archive), load(newDockerArchive(built))])
    expect(new Set(answers.map(String)).size).toBe(1)
    expect(layerNames()).toHaveLength(3)
    expectLoaded(built)
  })

  it('of a good archive succeeds beside a broken one of the same image', async () => {
    const lying = { ...built, layers: [base, Buffer.concat([middle, Buffer.alloc(512)]), top] }
    const [bad, good] = await Promise.allSettled([
      load(oldDockerArchive(lying)),
      load(oldDockerArchive(built)),
    ])
    expect(bad.status).toBe('rejected')
    expect(good.status).toBe('fulfilled')
    expectLoaded(built)
  })

  it.each([
    [
      'a layer is not the one that the config names',
      oldDockerArchive({ ...built, layers: [base, top, top] }),
      'invalid diffID for layer 1: expected',
    ],
    [
      'layers are missing',
      oldDockerArchive({ ...built, layers: [base] }),
      'invalid manifest, layers length mismatch: expected 1, got 3',
    ],
    [
      'a blob is not what its name says',
      ociLayout({ image: built, packed: [base, middle, Buffer.from('x')] }),
      'Error processing tar file',
    ],
    [
      'it is for another system',
      oldDockerArchive(image([base], [], { os: 'windows' })),
      'cannot load windows image on linux',
    ],
    ['a tag is no tag', oldDockerArchive(image([base], ['APP:1'])), 'repository name must be lowercase'],
    ['a tag is missing', oldDockerArchive(image([base], ['app'])), 'invalid tag "app"'],
    ['it has no manifest', tar(file('hello')), 'neither a docker-archive'],
    ['it is no tar', Buffer.alloc(2048, 'x'), 'invalid tar header'],
    [
      'it ends too soon',
      oldDockerArchive(built).subarray(0, 3000),
      'Error processing tar file: unexpected EOF',
    ],
    [
      'its manifest leads outside',
      tar(file('manifest.json', '[{"Config":"../../../etc/passwd"}]')),
      'no such file',
    ],
    ['its index is empty', tar(file('index.json', '{"manifests":[]}')), 'has no image for linux'],
    ['its index is none', tar(file('index.json', '[null]')), 'invalid OCI index'],
    ['its gzip is damaged', gzipSync(oldDockerArchive(built)).subarray(0, 200), 'the archive is damaged'],
  ])('is refused if %s, and leaves nothing behind', async (_, archive, message) => {
    await expect(load(archive)).rejects.toMatchObject({
      code: 'bad-request',
      message: expect.stringContaining(message),
    })
    await reopen() // layers that came before the bad one have no image: they go at the latest now
    expectNothing()
  })

  it('is refused if a blob is exchanged for another valid layer', async () => {
    const swapped = Buffer.from(
      ociLayout({ image: built, packed: [base, middle, top] })
        .toString('latin1')
        .replace(middle.toString('latin1'), tar(file('etc', 'two')).toString('latin1')),
      'latin1',
    )
    await expect(load(swapped)).rejects.toMatchObject({
      message: expect.stringContaining('invalid digest for layer 1'),
    })
  })

  it('is refused if the config is exchanged', async () => {
    const text = oldDockerArchive(built).toString('latin1').replace('"unknown"', '"xnknown"')
    const archive = Buffer.from(text, 'latin1')
    await expect(load(archive)).rejects.toMatchObject({
      message: expect.stringContaining('invalid digest for'),
    })
  })
})

describe('finding', () => {
  it('works by name, id and unique beginning of an id', async () => {
    const built = image([base], ['app:1'])
    await load(oldDockerArchive(built))
    const hex = hexOf(built.id)
    for (const reference of [
      'app:1',
      'docker.io/library/app:1',
      hex,
      built.id,
      hex.slice(0, 12),
      built.id.slice(0, 15),
    ])
      expect(images.find(reference)?.id).toBe(built.id)
  })

  it('says in Docker words that there is none', () => {
    expect(() => images.get('nosuch')).toThrow(
      expect.objectContaining({ code: 'not-found', message: 'No such image: nosuch:latest' }),
    )
    expect(() => images.get('BAD')).toThrow(expect.objectContaining({ code: 'bad-request' }))
    expect(images.find('BAD')).toBeUndefined()
  })

  it('lists the newest first', async () => {
    const [old, recent] = ['2001-01-01T00:00:00Z', '2011-01-01T00:00:00Z'].map((created) =>
      image([base], [], { created }),
    )
    if (old === undefined || recent === undefined) return expect.fail('two images')
    await load(oldDockerArchive(recent, old))
    expect(images.list().map(({ id }) => id)).toEqual([recent.id, old.id])
  })
})

describe('tag', () => {
  it('gives a further name', async () => {
    const built = image([base], ['app:1'])
    await load(oldDockerArchive(built))
    await images.tag('app:1', { repository: 'localhost:5000/app', tag: '' }, origin)
    expect(images.get('localhost:5000/app').tags).toEqual(['app:1', 'localhost:5000/app:latest'])
    expect(messages().at(-1)).toBe('tag localhost:5000/app:latest')
  })

  it.each([
    ['nosuch', { repository: 'x', tag: '' }, 'No such image: nosuch:latest'],
    ['app', { repository: 'x', tag: 'a b' }, 'invalid tag format'],
    [
      'app',
      { repository: `x@sha256:${'a'.repeat(64)}`, tag: '' },
      'refusing to create a tag with a digest reference',
    ],
  ])('of %s is refused for %j', async (reference, target, message) => {
    await expect(images.tag(reference, target, origin)).rejects.toMatchObject({ message })
  })
})

describe('remove', () => {
  const built = image([base, middle], ['app:1'])
  const other = image([base, top], ['other:1'])

  it('deletes layers that no other image has, upper ones first, and says so as Docker does', async () => {
    await load(oldDockerArchive(built, other))
    const [lowest, upper] = images.get('app:1').layers.map((name) => `sha256:${name}`)
    expect(await remove('app:1')).toEqual([{ Untagged: 'app:1' }, { Deleted: built.id }, { Deleted: upper }])
    expect(layerNames()).toHaveLength(2)
    const otherUpper = `sha256:${images.get('other:1').layers[1]}`
    expect(await remove(other.id)).toEqual([
      { Untagged: 'other:1' },
      { Deleted: other.id },
      { Deleted: otherUpper },
      { Deleted: lowest },
    ])
    expectNothing()
    expect(messages().slice(2)).toEqual([
      ...[`untag ${built.id}`, `delete ${built.id}`, `untag ${other.id}`, `delete ${other.id}`],
    ])
  })

  it('gives the labels of the image to its messages', async () => {
    await load(oldDockerArchive(built))
    await remove('app:1')
    const labels = Array.from(store.messages.range({}), ({ action, attributes }) => [action, attributes.a])
    expect(labels).toEqual([
      ['load', 'b'],
      ['untag', 'b'],
      ['delete', undefined],
    ])
  })

  it('takes one of several names away', async () => {
    await load(oldDockerArchive(built))
    await images.tag('app:1', { repository: 'app', tag: '2' }, origin)
    expect(await remove('app:1')).toEqual([{ Untagged: 'app:1' }])
    expect(images.get('app:2').id).toBe(built.id)
  })

  it('brings the image back when it is loaded again', async () => {
    await load(oldDockerArchive(built))
    await remove('app:1')
    await load(oldDockerArchive(built))
    expect(images.get('app:1').id).toBe(built.id)
    await reopen()
    expect(images.get('app:1').id).toBe(built.id)
    expect(layerNames()).toHaveLength(2)
  })

  it('keeps the layers of a container whose image goes by force, until the container goes', async () => {
    await load(oldDockerArchive(built))
    const { id, layers } = images.get('app:1')
    record('created', layers)
    expect(await remove('app:1', true, () => [{ containerId: 'c', running: false }] as never)).toEqual([
      { Untagged: 'app:1' },
      { Deleted: id },
    ])
    expect(layerNames()).toEqual([...layers].sort())
    await reopen()
    expect(layerNames()).toEqual([...layers].sort())
    record('removed', layers)
    await expect.poll(layerNames).toEqual([])
  })

  /** A container as the engine writes it: its events, and its row with what it is made from. */
  function record(step: 'created' | 'removed', layers: readonly string[]): void {
    const event = step === 'removed' ? { type: 'Removed' } : { type: 'ContainerCreated' }
    const state = { value: step, context: { spec: { image: { id: built.id, layers } } } }
    const row = { id: 'c', name: 'c', version: 1, removed: step === 'removed', createdAt: '', state }
    store.events.append<Pick<ContainerEvent, 'type'>>({
      stream: 'container/c',
      expectedVersion: step === 'removed' ? 1 : 0,
      events: [event as Pick<ContainerEvent, 'type'>],
      project: () => store.containers.put(row),
    })
  }
})

describe('opening', () => {
  it('finds all images again', async () => {
    await load(oldDockerArchive(image([base], ['app:1'])))
    const before = images.list()
    await reopen()
    expect(images.list()).toEqual(before)
  })

  it('clears away what a crash has left: half made layers, layers and configs without an image', async () => {
    const built = image([base, middle], ['app:1'])
    await load(oldDockerArchive(built))
    const row = store.images.byId(built.id)
    if (row === undefined) return expect.fail('the image has a row')
    mkdirSync(inData('tmp/images/layer-x/made/diff/deep'), { recursive: true })
    writeFileSync(inData('image/overlay2/imagedb/content/sha256', 'f'.repeat(64)), '{}')
    const stream = `image/${hexOf(built.id)}`
    const project = (recorded: readonly RecordedEvent<ImageEvent>[]) => {
      for (const each of recorded) projectImage(each, store)
    }
    const events: readonly ImageEvent[] = [{ type: 'ImageUntagged', tag: 'app:1' }, { type: 'ImageDeleted' }]
    store.events.append({ stream, expectedVersion: 1, events, project })
    expect(layerNames()).toHaveLength(2)
    await reopen()
    expectNothing()
  })

  it('forgets a layer whose directory is gone, so that it can be loaded again', async () => {
    const built = image([base], ['app:1'])
    await load(oldDockerArchive(built))
    await rm(inData('overlay2', hexOf(sha256(base))), { recursive: true })
    await reopen()
    await load(oldDockerArchive(built))
    expect(existsSync(inData('overlay2', hexOf(sha256(base)), 'diff/bin/sh'))).toBe(true)
  })

  it('makes a missing link again', async () => {
    await load(oldDockerArchive(image([base], ['app:1'])))
    const link = inData('overlay2/l', shortLink(hexOf(sha256(base))))
    await rm(link)
    await reopen()
    expect(readlinkSync(link)).toBe(`../${hexOf(sha256(base))}/diff`)
  })

  it('leaves directories alone that are not layers of images', async () => {
    mkdirSync(inData('overlay2', 'c'.repeat(64), 'diff'), { recursive: true })
    await reopen()
    expect(layerNames()).toEqual(['c'.repeat(64)])
  })
})

it('the log alone gives the same rows again', async () => {
  await load(oldDockerArchive(image([base, middle], ['app:1', 'app:2']), image([base], ['other:1'])))
  await load(newDockerArchive(image([base, top], ['app:1'])))
  await images.tag('other:1', { repository: 'third', tag: '' }, origin)
  await remove('other:1')
  await images.import(stream(base), { repository: 'imported', changes: ['LABEL a=b'] }, origin)
  const rows = () => ({ images: images.list(), messages: Array.from(store.messages.range({})) })
  const before = rows()
  store.rebuild((recorded) => projectImage(recorded as RecordedEvent<ImageEvent>, store))
  expect(rows()).toEqual(before)
})
