/** What a container may try while files are copied from and to it: each named CVE is of an engine that followed it out of its root. */
import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { mountsBelow } from '../../../src/kernel/mountinfo.ts'
import { directory, file, hardLink, symlink, tar } from '../../fixtures/images/tar-builder.ts'
import { base, inside, outside, packed, put, useTree, view } from './tree.ts'

/** Each copy starts a thread, which takes seconds on a machine that is busy. */
vi.setConfig({ testTimeout: 150_000 })
useTree()

/** Swaps the path between a directory and a link to the host, as fast as it can, until it is disposed of. */
function swapping(path: string, target: string): Disposable {
  const script =
    'while [ -d "$3" ]; do mkdir "$1" 2>/dev/null; rm -rf "$1"; ln -s "$2" "$1" 2>/dev/null; rm -f "$1"; done'
  const child = spawn('sh', ['-c', script, 'sh', path, target, base], { stdio: 'ignore' })
  return { [Symbol.dispose]: () => void child.kill('SIGKILL') }
}

describe('a container whose files are copied', () => {
  it('cannot have a secret of the host read by swapping a directory for a link (CVE-2018-15664)', async () => {
    using _ = swapping(inside('swap'), outside())
    for (let round = 0; round < 4; round++) {
      const found = await packed('/swap/secret').catch(() => [])
      expect(found).toEqual([])
    }
  })

  it('cannot have a file of the host written by swapping a directory for a link (CVE-2018-15664)', async () => {
    using _ = swapping(inside('swap'), outside())
    for (let round = 0; round < 4; round++)
      await put('/', tar(file('swap/secret', 'overwritten'), file('swap/new', 'x'))).catch(() => undefined)
    expect(readdirSync(outside())).toEqual(['secret'])
    expect(readFileSync(outside('secret'), 'utf8')).toBe('secret')
  })

  it('cannot have the mode of a file of the host changed by swapping a new file for a link (CVE-2021-32760)', async () => {
    using _ = swapping(inside('s'), outside('secret'))
    for (let round = 0; round < 4; round++) {
      const entry = { ...directory('s'), mode: 0o777, uid: 7 }
      await put('/', tar(entry, { ...file('s', 'x'), mode: 0o4777, uid: 7 })).catch(() => undefined)
    }
    expect(statSync(outside('secret'))).toMatchObject({ mode: 0o100600, uid: 0 })
  })

  it('has links resolved with its own root as the root, absolute ones and those that climb', async () => {
    mkdirSync(inside('tmp'))
    writeFileSync(inside('etc/passwd'), 'of the container')
    symlinkSync('/etc', inside('absolute'))
    symlinkSync('../../../../../../../../etc', inside('climbing'))
    symlinkSync('/proc/self/root/etc', inside('magic'))
    expect((await packed('/absolute/passwd'))[0]?.text).toBe('of the container')
    expect((await packed('/climbing/passwd'))[0]?.text).toBe('of the container')
    await expect(packed('/magic/passwd')).rejects.toMatchObject({ code: 'not-found' })
    await put('/absolute', tar(symlink('up', '../../../../..'), file('up/escaped', 'x')))
    expect(readFileSync(inside('escaped'), 'utf8')).toBe('x')
  })

  it('has no program and no library of its own used to find a user or to unpack (CVE-2019-14271, CVE-2026-41567)', async () => {
    for (const directoryName of ['bin', 'usr/bin', 'lib/x86_64-linux-gnu'])
      mkdirSync(inside(directoryName), { recursive: true })
    const trap = `#!/bin/sh\ntouch ${outside('ran')}\n`
    for (const name of ['bin/xz', 'usr/bin/xz', 'usr/bin/getent', 'lib/x86_64-linux-gnu/libnss_files.so.2']) {
      writeFileSync(inside(name), trap)
      chmodSync(inside(name), 0o755)
    }
    writeFileSync(inside('etc/passwd'), 'app:x:123:45::/:/bin/sh\n')
    const archive = execFileSync('xz', ['-c'], { input: tar(file('new', 'text')) })
    await put('/', archive, { user: 'app' })
    expect(statSync(inside('new'))).toMatchObject({ uid: 123, gid: 45 })
    expect(existsSync(outside('ran'))).toBe(false)
    expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain(base)
  })

  it('cannot lead the mount of a volume out of its root (CVE-2026-41568, CVE-2026-42306)', async () => {
    mkdirSync(join(base, 'volume'))
    writeFileSync(join(base, 'volume', 'file'), 'of the volume')
    symlinkSync(outside(), inside('link'))
    symlinkSync('../../../../../../../..', inside('up'))
    const source = join(base, 'volume')
    const mounts = ['/link/made', '/up/tmp/made'].map((destination) => ({
      source,
      destination,
      writable: true,
    }))
    await expect(packed('/link/made/file', view(mounts[0] ?? never()))).rejects.toThrow()
    expect((await packed('/tmp/made/file', view(mounts[1] ?? never())))[0]?.text).toBe('of the volume')
    expect(readdirSync(outside())).toEqual(['secret'])
    expect(existsSync('/tmp/made')).toBe(false)
  })

  it('cannot have the host wait for a pipe or a device', async () => {
    execFileSync('mkfifo', [inside('pipe')])
    expect(await packed('/pipe')).toMatchObject([{ name: 'pipe', type: 'fifo' }])
    execFileSync('mkfifo', [inside('etc/passwd')])
    await expect(put('/', tar(file('x', '')), { user: 'app' })).rejects.toThrow('regular')
  })

  it('cannot write where a volume or its root is read-only, through whatever link', async () => {
    mkdirSync(join(base, 'volume'))
    mkdirSync(inside('vol'))
    symlinkSync('/vol', inside('way'))
    const into = view({ source: join(base, 'volume'), destination: '/vol', writable: false })
    await expect(put('/', tar(file('way/x', 'x')), { into })).rejects.toThrow(/EROFS|read-only/i)
    await expect(put('/way', tar(file('x', 'x')), { into })).rejects.toThrow(
      'mounted volume is marked read-only',
    )
    expect(readdirSync(join(base, 'volume'))).toEqual([])
  })

  it('gets no hard link to a file that is not its own', async () => {
    await expect(put('/etc', tar(hardLink('h', '../../host/secret')))).rejects.toThrow('invalid hardlink')
    await expect(put('/etc', tar(hardLink('h', '/secret')))).rejects.toThrow('ENOENT')
    expect(lstatSync(outside('secret')).nlink).toBe(1)
  })

  it('leaves no mount and no descriptor behind', async () => {
    const open = () => readdirSync('/proc/self/fd').length
    const before = open()
    const mount = { source: outside(), destination: '/vol', writable: true }
    expect((await packed('/vol/secret', view(mount)))[0]?.text).toBe('secret')
    await expect(packed('/gone', view(mount))).rejects.toMatchObject({ code: 'not-found' })
    await put('/vol', tar(file('sub/x', 'x')), { into: view(mount) })
    expect(await mountsBelow(base)).toEqual([])
    expect(open()).toBeLessThanOrEqual(before + 1)
  })
})

function never(): never {
  throw new Error('there is one')
}
