/** Builds the shim as it ships and with the sanitizers; each test runs against both. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../../..')

export const shims = ['tally-shim', 'tally-shim-asan'] as const
export const logWriters = ['log-test', 'log-test-asan'] as const

/** Does nothing if all is built. */
export function build(): void {
  execFileSync('make', ['--silent', '-C', join(root, 'src/shim'), 'all', 'asan', 'tests'])
}

export const built = (name: string): string => join(root, 'build', name)
