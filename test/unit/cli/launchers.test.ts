import { execFile, spawn } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const run = promisify(execFile)

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tally-bin-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

describe.each(['tally', 'tallyd'])('bin/%s', (name) => {
  it('finds Node and its program through symlinks, from any directory', async () => {
    symlinkSync(join(root, 'bin', name), join(directory, 'first'))
    symlinkSync('first', join(directory, 'second'))
    const { stdout } = await run('./second', ['--version'], { cwd: directory })
    expect(stdout).toMatch(/^Tallyman version \d+\.\d+\.\d+\n$/)
  })

  it('says what to do where Node was not installed', async () => {
    mkdirSync(join(directory, 'bin'))
    copyFileSync(join(root, 'bin', name), join(directory, 'bin', name))
    const failure = await run(join(directory, 'bin', name)).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 1,
      stderr: `${name}: Node is missing: run 'npm ci' in ${directory}\n`,
    })
  })
})

describe('a launcher', () => {
  it('becomes Node, so that signals to its pid reach the program', async () => {
    const socket = join(directory, 's')
    const { promise: asked, resolve } = Promise.withResolvers<void>()
    const server = createServer(() => resolve()).listen(socket)
    const child = spawn(join(root, 'bin/tally'), ['-H', `unix://${socket}`, 'history', 'x'], {
      stdio: 'ignore',
    })
    await asked
    expect(readlinkSync(`/proc/${child.pid}/exe`)).toBe(
      realpathSync(join(root, 'node_modules/node/bin/node')),
    )
    child.kill()
    server.close()
  })
})
