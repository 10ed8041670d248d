import { existsSync, readFileSync } from 'node:fs'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { shortLink } from '../../../src/images/layer-link.ts'
import {
  type Built,
  image,
  nestedOciLayout,
  newDockerArchive,
  ociLayout,
  oldDockerArchive,
  sha256,
} from '../../fixtures/images/archives.ts'
import {
  base,
  configOf,
  expectNothing,
  images,
  inData,
  layerNames,
  leftovers,
  load,
  messages,
  middle,
  reopen,
  top,
  useImages,
} from '../../fixtures/images/images.ts'
import { file, tar } from '../../fixtures/images/tar-builder.ts'

useImages()

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

  /** The broken one fails only if it is first: like Docker, load does not unpack a layer that is there already. */
  it('of a good archive succeeds beside a broken one of the same image', async () => {
    const lying = { ...built, layers: [base, Buffer.concat([middle, Buffer.alloc(512)]), top] }
    const [, good] = await Promise.allSettled([load(oldDockerArchive(lying)), load(oldDockerArchive(built))])
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
    ['it is no tar', Buffer.alloc(2048, 'x'), 'archive/tar: invalid tar header'],
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
