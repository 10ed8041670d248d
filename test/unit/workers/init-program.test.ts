import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test as it } from 'vitest'
import { initProgram } from '../../../src/workers/init-program.ts'

describe('The init program', () => {
  let directory: string
  const path = process.env.PATH
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'init-program-'))
    process.env.PATH = `/nonexistent:${directory}`
  })
  afterEach(() => {
    process.env.PATH = path
    rmSync(directory, { recursive: true })
  })
  const file = (name: string, mode: number) => {
    writeFileSync(join(directory, name), '')
    chmodSync(join(directory, name), mode)
    return join(directory, name)
  }
  const wanted = (options: object = {}) => initProgram({ Init: true }, { always: false, ...options })

  it('is not looked for unless it is wanted', () => {
    expect(initProgram({ Init: null }, { always: false })).toBeUndefined()
  })

  it('is docker-init in PATH, else tini-static', () => {
    const second = file('tini-static', 0o755)
    expect(wanted()).toBe(second)
    const first = file('docker-init', 0o755)
    expect(wanted()).toBe(first)
  })

  it('is the daemon’s, if it was given one', () => {
    expect(wanted({ path: file('mine', 0o755) })).toBe(join(directory, 'mine'))
  })

  it('fails the start where there is none', () => {
    const message = expect.stringContaining('no init process for the container (--init)')
    file('docker-init', 0o644)
    expect(() => wanted()).toThrow(expect.objectContaining({ exitCode: 128, message }))
    expect(() => wanted({ path: '/nonexistent' })).toThrow(
      expect.objectContaining({ exitCode: 128, message }),
    )
  })
})
