import { describe, expect, it } from 'vitest'
import type { ContainerEvent } from '../../../machines/container-events.ts'
import { image, oldDockerArchive } from '../../fixtures/images/archives.ts'
import {
  base,
  expectNothing,
  hexOf,
  images,
  layerNames,
  load,
  messages,
  middle,
  origin,
  remove,
  reopen,
  store,
  top,
  useImages,
} from '../../fixtures/images/images.ts'

useImages()

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
