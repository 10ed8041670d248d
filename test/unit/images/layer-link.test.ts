import { mkdtemp, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { linkLayer, lowerChain, shortLink, writeLayerFiles } from '../../../src/images/layer-link.ts'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tallyman-link-'))
})

afterEach(async () => {
  await rm(root, { recursive: true })
})

it('a short link is 26 base32 characters, always the same for a layer', () => {
  fc.assert(
    fc.property(fc.string(), (layer) => {
      expect(shortLink(layer)).toMatch(/^[A-Z2-7]{26}$/)
      expect(shortLink(layer)).toBe(shortLink(layer))
    }),
  )
  expect(shortLink('a')).toBe('ZKLYCEWKDO64V6WCGGZZUI64JW')
})

it('lower layers are listed the uppermost first, as overlayfs wants them', () => {
  expect(lowerChain(['low', 'high'])).toBe(`l/${shortLink('high')}:l/${shortLink('low')}`)
})

it('making a layer and its link twice is the same as once', async () => {
  for (let time = 0; time < 2; time++) {
    await writeLayerFiles(root, 'top', ['low'])
    await linkLayer(root, 'top')
  }
  expect(await readFile(join(root, 'link'), 'utf8')).toBe(shortLink('top'))
  expect(await readFile(join(root, 'lower'), 'utf8')).toBe(`l/${shortLink('low')}`)
  expect(await readlink(join(root, 'l', shortLink('top')))).toBe('../top/diff')
})
