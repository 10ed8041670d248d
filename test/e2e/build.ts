/** Another build of Tallyman in a folder of its own: this work tree with another version, another shim binary, and whatever else a test changes. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const project = resolve(import.meta.dirname, '../..')
const sources = ['bin', 'machines', 'migrations', 'package.json', 'proto', 'src', 'tsconfig.json'] as const

export class Build implements Disposable {
  readonly root: string

  constructor(version: string) {
    this.root = mkdtempSync(join(process.env.TALLY_TEST_ROOT ?? tmpdir(), 'tally-build-'))
    for (const name of sources) cpSync(join(project, name), join(this.root, name), { recursive: true })
    mkdirSync(join(this.root, 'build'))
    for (const name of ['kernel.node', 'proto'])
      cpSync(join(project, 'build', name), join(this.root, 'build', name), { recursive: true })
    symlinkSync(join(project, 'node_modules'), join(this.root, 'node_modules'))
    this.change('package.json', /"version": ".*"/, `"version": "${version}"`)
    // The same sources would give the same binary.
    execFileSync('make', ['-s', '-C', join(this.root, 'src/shim'), 'MUSL_CC=musl-gcc -Wl,--build-id'])
  }

  get shim(): string {
    return join(this.root, 'build/tally-shim')
  }

  /** Edits a file. */
  change(file: string, from: string | RegExp, to: string): void {
    const path = join(this.root, file)
    const before = readFileSync(path, 'utf8')
    const after = before.replace(from, to)
    if (after === before) throw new Error(`${file} has no ${String(from)}`)
    writeFileSync(path, after)
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.root, file), text)
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
