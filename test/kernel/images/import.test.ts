import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { shortLink } from '../../../src/images/layer-link.ts'
import { sha256 } from '../../fixtures/images/archives.ts'
import {
  base,
  configOf,
  expectNothing,
  hexOf,
  images,
  inData,
  messages,
  origin,
  reopen,
  stream,
  useImages,
} from '../../fixtures/images/images.ts'

useImages()

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
