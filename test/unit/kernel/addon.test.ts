import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { call, callIn, callSync, failedWith, type Syscall } from '../../../src/kernel/addon.ts'

const nowhere = '/tally-nowhere/x'
const AT_FDCWD = -100

describe('a system call', () => {
  it('throws what the kernel said, on this thread', () => {
    expect(() => callSync('mkdirat', AT_FDCWD, nowhere, 0o700)).toThrow(
      expect.objectContaining({
        errno: 2,
        code: 'ENOENT',
        syscall: 'mkdirat',
        message: 'ENOENT: No such file or directory, mkdirat',
      }),
    )
  })

  it('rejects with the same on the pool', async () => {
    await expect(call('mkdirat', AT_FDCWD, nowhere, 0o700)).rejects.toMatchObject({
      errno: 2,
      code: 'ENOENT',
    })
  })

  it('fails if the directory that it should be made in is not there', async () => {
    await expect(callIn(nowhere, 'mkdirat', AT_FDCWD, 'x', 0o700)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('leaves the process in its directory', async () => {
    const before = process.cwd()
    await expect(callIn('/proc', 'mkdirat', AT_FDCWD, 'self', 0o700)).rejects.toMatchObject({
      code: 'EEXIST',
    })
    expect(process.cwd()).toBe(before)
  })

  it('refuses text that holds a NUL byte, since the kernel would see only its beginning', () => {
    expect(() => callSync('mkdirat', AT_FDCWD, '/tmp/a\0b', 0o700)).toThrow(TypeError)
  })

  it('refuses arguments of other types, too many of them and unknown names', () => {
    const wrong: unknown[] = [undefined, {}, true]
    for (const value of wrong) expect(() => callSync('syncfs', value as number)).toThrow(TypeError)
    expect(() => callSync('syncfs', 1, 2, 3, 4, 5, 6, 7)).toThrow(TypeError)
    expect(() => callSync('reboot' as Syscall)).toThrow(TypeError)
    expect(() => callSync('syncfs', 2n ** 64n)).toThrow(TypeError)
  })

  it('can be made from many worker threads, also while they are ended', async () => {
    const workers = Array.from({ length: 4 }, () => new Worker(workerSource, { eval: true }))
    const codes = await Promise.all(workers.map(firstMessage))
    expect(codes).toEqual(['ENOENT', 'ENOENT', 'ENOENT', 'ENOENT'])
    await Promise.all(workers.map((worker) => worker.terminate()))
  })
})

describe('failedWith', () => {
  it('knows the codes of the addon and of Node', () => {
    expect(failedWith(Object.assign(new Error('x'), { code: 'EBUSY' }), 'EINVAL', 'EBUSY')).toBe(true)
    expect(failedWith(new Error('x'), 'EBUSY')).toBe(false)
    expect(failedWith('EBUSY', 'EBUSY')).toBe(false)
  })
})

const workerSource = `
  const { parentPort } = require('node:worker_threads')
  const addon = require(${JSON.stringify(new URL('../../../build/kernel.node', import.meta.url).pathname)})
  try { addon.callSync('mkdirat', [-100, '${nowhere}', 448]) } catch (error) { parentPort.postMessage(error.code) }
  for (let i = 0; i < 64; i++) addon.call('mkdirat', [-100, '${nowhere}', 448]).catch(() => {})
`

const firstMessage = (worker: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
