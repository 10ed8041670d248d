import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const project = new URL('../../..', import.meta.url).pathname
const abuse = new URL('addon-abuse.cjs', import.meta.url).pathname
let directory = ''
let addon = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tally-sanitized-'))
  addon = join(directory, 'kernel.node')
  const extra = '-fsanitize=address,undefined -fno-sanitize-recover=all'
  execFileSync('make', ['-C', join(project, 'src/kernel'), `TARGET=${addon}`, `EXTRA=${extra}`])
})
afterAll(() => rmSync(directory, { recursive: true }))

const library = (name: string): string =>
  execFileSync('gcc', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim()

describe('the addon under the address and undefined behaviour sanitizers', () => {
  it('survives wrong and failing calls of every kind', () => {
    // Leaks are not looked for: Node itself does not free everything at its end.
    const env = {
      ...process.env,
      LD_PRELOAD: `${library('libasan.so')} ${library('libubsan.so')}`,
      ASAN_OPTIONS: 'detect_leaks=0',
    }
    const output = execFileSync(process.execPath, ['--expose-gc', abuse, addon], { env, encoding: 'utf8' })
    expect(output).toBe(
      `${50 * (12 * 2 + 4 * 4) + 9 + 20 * 2} EBADF ENAMETOOLONG ENOENT ERR_INVALID_ARG_TYPE\n`,
    )
  }, 60_000)
})
