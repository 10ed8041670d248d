import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test as it } from 'vitest'
import { mappedDevices } from '../../../src/workers/host-devices.ts'

describe('A device asked for by its path', () => {
  let directory: string
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'host-devices-'))
    mkdirSync(join(directory, 'empty'))
    writeFileSync(join(directory, 'file'), '')
    symlinkSync('/dev/null', join(directory, 'link'))
  })
  afterAll(() => rmSync(directory, { recursive: true }))

  const mapped = (PathOnHost: string, PathInContainer: string, CgroupPermissions = 'rwm') =>
    mappedDevices([{ PathOnHost, PathInContainer, CgroupPermissions }])

  it('has its numbers, another name and what may be done with it', async () => {
    const device = { type: 'c', path: '/dev/mine', major: 1, minor: 3 }
    expect(await mapped('/dev/null', '/dev/mine', 'r')).toMatchObject([{ device, access: 'r' }])
    expect(await mapped('/dev/null', '/dev/mine', '')).toMatchObject([{ device, access: 'rwm' }])
  })

  it('is found through a link', async () => {
    expect(await mapped(join(directory, 'link'), '/x')).toMatchObject([
      { device: { path: '/x', major: 1, minor: 3 } },
    ])
  })

  it('may be a directory: all devices in it', async () => {
    const found = await mapped('/dev', '/other')
    expect(found.map(({ device }) => device.path)).toEqual(
      expect.arrayContaining(['/other/null', '/other/tty']),
    )
  })

  it.each([
    ['no-such', 'no such file or directory'],
    ['file', 'not a device node'],
    ['empty', 'not a device node'],
  ])('fails the start if it is %s', async (name, reason) => {
    const path = join(directory, name)
    const message = `error gathering device information while adding custom device "${path}": ${reason}`
    await expect(mapped(path, '/x')).rejects.toMatchObject({ exitCode: 128, message })
  })
})
