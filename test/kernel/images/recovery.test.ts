import { existsSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { ImageEvent } from '../../../machines/image-events.ts'
import { shortLink } from '../../../src/images/layer-link.ts'
import { projectImage } from '../../../src/images/projection.ts'
import type { RecordedEvent } from '../../../src/store/port.ts'
import { image, newDockerArchive, oldDockerArchive, sha256 } from '../../fixtures/images/archives.ts'
import {
  base,
  expectNothing,
  hexOf,
  images,
  inData,
  layerNames,
  load,
  middle,
  origin,
  remove,
  reopen,
  store,
  stream,
  top,
  useImages,
} from '../../fixtures/images/images.ts'

useImages()

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
