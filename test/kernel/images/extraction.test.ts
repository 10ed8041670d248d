import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { beforeEach, describe, expect, it } from 'vitest'
import { attributeOf } from '../../../src/kernel/xattr.ts'
import { directory, file, hardLink, symlink, tar } from '../../fixtures/images/tar-builder.ts'
import {
  at,
  extract,
  extractBytes,
  extractor,
  read,
  refused,
  root,
  target,
  useTarget,
} from '../../fixtures/images/target.ts'

useTarget()

describe('links inside the archive', () => {
  it('are followed on the way to a file, as in a merged /usr', async () => {
    await extract(symlink('lib', 'usr/lib'), directory('usr/lib'), file('lib/x', 'x'), file('/lib/y', 'y'))
    expect(read('usr/lib/x')).toBe('x')
    expect(read('usr/lib/y')).toBe('y')
  })

  it('are taken from the root of the layer if they are absolute', async () => {
    await extract(directory('var'), directory('run'), symlink('var/run', '/run'), file('var/run/pid', '1'))
    expect(read('run/pid')).toBe('1')
  })

  it('that replace a directory count from then on', async () => {
    await extract(directory('a'), file('a/1'), directory('b'), symlink('a', 'b'), file('a/2'))
    expect(existsSync(at('b/2'))).toBe(true)
  })
})

describe('the entries of a layer', () => {
  it('keep owner, mode with its special bits and time to the nanosecond', async () => {
    const pax = { mtime: '1234.123456789' }
    await extract(
      file('su', 'x', { mode: 0o6755, uid: 1000, gid: 1001, pax }),
      directory('sticky', { mode: 0o1777, uid: 3 }),
      { ...symlink('l', 'su'), uid: 4, gid: 5, mtime: 99 },
    )
    expect(lstatSync(at('su'))).toMatchObject({ mode: 0o106755, uid: 1000, gid: 1001 })
    expect(lstatSync(at('su'), { bigint: true }).mtimeNs).toBe(1_234_123_456_789n)
    expect(lstatSync(at('sticky'))).toMatchObject({ mode: 0o041777, uid: 3 })
    expect(lstatSync(at('l'))).toMatchObject({ uid: 4, gid: 5, mtimeMs: 99_000 })
  })

  it('leave a directory the time that the archive gave it, whatever is written into it later', async () => {
    await extract(
      directory('d', { mtime: 50 }),
      file('d/f', 'x', { mtime: 60 }),
      directory('d/e', { mtime: 70 }),
    )
    expect(statSync(at('d')).mtimeMs).toBe(50_000)
    expect(statSync(at('d/e')).mtimeMs).toBe(70_000)
  })

  it('get missing directories above them', async () => {
    await extract(file('a/b/c', 'x'))
    expect(statSync(at('a/b'))).toMatchObject({ mode: 0o040755, uid: 0 })
  })

  it('leave the root itself alone', async () => {
    const before = statSync(target)
    await extract(directory('./', { mode: 0o700, uid: 9 }))
    expect(statSync(target)).toMatchObject({ mode: before.mode, uid: before.uid })
  })

  it('may be devices and fifos', async () => {
    await extract(
      { name: 'null', flag: '3', device: [1, 3], mode: 0o666 },
      { name: 'big', flag: '4', device: [259, 70000], mode: 0o600 },
      { name: 'pipe', flag: '6', mode: 0o622 },
    )
    const numbers = execFileSync('stat', ['-c', '%F %t:%T %a', 'null', 'big', 'pipe'], {
      cwd: target,
      encoding: 'utf8',
    })
    expect(numbers.trim().split('\n')).toEqual([
      'character special file 1:3 666',
      'block special file 103:11170 600',
      'fifo 0:0 622',
    ])
  })

  it('share what they are hard links of', async () => {
    const { size } = await extract(file('a', 'four', { mode: 0o600 }), {
      ...hardLink('b', './a'),
      mode: 0o640,
      uid: 6,
    })
    expect(statSync(at('a')).ino).toBe(statSync(at('b')).ino)
    expect(statSync(at('a'))).toMatchObject({ mode: 0o100640, uid: 6, nlink: 2 })
    expect(size).toBe(4)
  })

  it('keep extended attributes byte for byte, file capabilities too', async () => {
    // cap_setuid is bit 7: a byte above 0x7f. Version 2 with the effective flag, linux/capability.h.
    const capability = Buffer.from('0100000280000000000000000000000000000000', 'hex')
    const pax = {
      'SCHILY.xattr.security.capability': capability,
      'SCHILY.xattr.user.binary': Buffer.from([0xff, 0x00, 0x0a]),
    }
    await extract(file('f', 'x', { pax, uid: 5 }))
    expect(attributeOf(at('f'), 'security.capability')).toEqual(capability)
    expect(attributeOf(at('f'), 'user.binary')).toEqual(Buffer.from([0xff, 0x00, 0x0a]))
  })

  it('replace earlier ones of the same name, also of another kind', async () => {
    const { size } = await extract(
      ...[file('x', 'old file'), directory('x'), file('x/inner', '12345'), directory('x', { mode: 0o700 })],
      ...[directory('y'), file('y/deep/er', 'gone'), file('y', 'new')],
    )
    expect(read('x/inner')).toBe('12345')
    expect(statSync(at('x')).mode).toBe(0o040700)
    expect(read('y')).toBe('new')
    expect(size).toBe('12345new'.length)
  })

  it('may have names that are long or not UTF-8', async () => {
    const long = `${'d'.repeat(200)}/${'f'.repeat(255)}`
    await extract(file('caf\xe9', 'x'), file('short', 'y', { pax: { path: long } }))
    expect(readdirSync(target, { encoding: 'buffer' })).toContainEqual(Buffer.from('caf\xe9', 'latin1'))
    expect(read(long)).toBe('y')
  })
})

describe('whiteouts', () => {
  it('become what overlayfs reads', async () => {
    await extract(
      directory('d'),
      file('d/.wh.gone'),
      directory('o'),
      file('o/.wh..wh..opq'),
      file('o/new', 'x'),
    )
    expect(lstatSync(at('d/gone')).isCharacterDevice()).toBe(true)
    expect(lstatSync(at('d/gone')).rdev).toBe(0)
    expect(attributeOf(at('o'), 'trusted.overlay.opaque')?.toString()).toBe('y')
    expect(readdirSync(at('o'))).toEqual(['new'])
  })

  it('of AUFS itself are left out', async () => {
    await extract(
      file('.wh..wh.aufs'),
      directory('.wh..wh.plnk'),
      file('.wh..wh.plnk/1.2', 'x'),
      directory('.wh..wh.orph'),
    )
    expect(readdirSync(target)).toEqual([])
  })

  it('hide only what is below, not what the same layer brings', async () => {
    await extract(file('f', 'kept'), file('.wh.f'), directory('d'), file('d/x', 'kept'), file('.wh.d'))
    expect(read('f')).toBe('kept')
    expect(read('d/x')).toBe('kept')
    expect(attributeOf(at('d'), 'trusted.overlay.opaque')?.toString()).toBe('y')
  })

  it('that come before a new directory of that name make it opaque', async () => {
    await extract(file('.wh.d'), directory('d'), file('d/x', 'new'))
    expect(read('d/x')).toBe('new')
    expect(attributeOf(at('d'), 'trusted.overlay.opaque')?.toString()).toBe('y')
  })
})

describe('archives of tar(1)', () => {
  const source = (): string => join(root, 'source')

  function packed(...options: readonly string[]): Buffer {
    return execFileSync('tar', ['-C', source(), '-c', ...options, '.'], { maxBuffer: 64 * 1024 * 1024 })
  }

  beforeEach(() => {
    mkdirSync(join(source(), 'n'.repeat(150), 'm'.repeat(150)), { recursive: true })
    writeFileSync(join(source(), 'n'.repeat(150), 'm'.repeat(150), 'file'), 'deep')
    writeFileSync(join(source(), 'data'), Buffer.alloc(100_000, 'd'))
    execFileSync('truncate', ['-s', '3M', join(source(), 'holes')])
    execFileSync(
      'dd',
      [`of=${join(source(), 'holes')}`, 'bs=1', 'seek=1000000', 'conv=notrunc', 'status=none'],
      { input: 'middle' },
    )
  })

  it.each([
    ['GNU', ['--format=gnu']],
    ['GNU sparse', ['--format=gnu', '--sparse']],
    ['pax', ['--format=pax']],
    ['pax sparse 0.0', ['--format=pax', '--sparse', '--sparse-version=0.0']],
    ['pax sparse 0.1', ['--format=pax', '--sparse', '--sparse-version=0.1']],
    ['pax sparse 1.0', ['--format=pax', '--sparse', '--sparse-version=1.0']],
  ])('in %s format are unpacked as they were packed', async (_, options) => {
    await extractBytes(packed(...options))
    expect(execFileSync('diff', ['-r', source(), target], { encoding: 'utf8' })).toBe('')
    expect(statSync(at('holes')).size).toBe(3 * 1024 * 1024)
  })

  it.each(['gzip', 'bzip2', 'xz', 'zstd'])('are unpacked from %s', async (program) => {
    const archive = packed()
    const extracted = await extractBytes(
      execFileSync(program, ['-c'], { input: archive, maxBuffer: 64 * 1024 * 1024 }),
    )
    const sum = execFileSync('sha256sum', { input: archive, encoding: 'utf8' }).split(' ')[0]
    expect(extracted.diffId).toBe(`sha256:${sum}`)
    expect(extracted.blobDigest).not.toBe(extracted.diffId)
    expect(execFileSync('diff', ['-r', source(), target], { encoding: 'utf8' })).toBe('')
  })

  it.each(['gzip', 'bzip2', 'xz', 'zstd'])('that %s cannot read to the end are refused', async (program) => {
    const archive = execFileSync(program, ['-c'], { input: packed(), maxBuffer: 64 * 1024 * 1024 })
    await expect(extractBytes(archive.subarray(0, archive.length - 40))).rejects.toMatchObject({
      code: 'bad-request',
    })
  })
})

it('the digest covers what follows the end of the archive', async () => {
  const archive = Buffer.concat([tar(file('a', 'x')), Buffer.alloc(7000)])
  const { diffId, blobDigest } = await extractBytes(archive)
  const sum = execFileSync('sha256sum', { input: archive, encoding: 'utf8' }).split(' ')[0]
  expect([diffId, blobDigest]).toEqual([`sha256:${sum}`, `sha256:${sum}`])
})

it('a sender that goes away in the middle is an error of its own, and the thread ends', async () => {
  const gone = new Readable({ read() {} })
  gone.push(tar(file('a', 'x'.repeat(5000))).subarray(0, 2000))
  setImmediate(() => gone.destroy(new Error('the client went away')))
  await expect(extractor.stream(gone, target)).rejects.toThrow('the client went away')
})

it('a sender of a broken archive is not cut off, so that it can read the answer', async () => {
  const endless = new Readable({
    read() {
      this.push(Buffer.alloc(65536, 'x'))
    },
  })
  await expect(extractor.stream(endless, target)).rejects.toMatchObject(
    refused('archive/tar: invalid tar header'),
  )
  expect(endless.destroyed).toBe(false)
  endless.destroy()
})
