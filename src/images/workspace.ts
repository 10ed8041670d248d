/** Directories for what is being made or unmade, below `<data-root>/tmp/images`. What a crash has left there is gone when it is opened. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Roots, temporaryRoot } from '../paths.ts'

export interface Workspace {
  /** A fresh directory, removed with all that is in it when it is disposed of. */
  directory(purpose: string): Promise<WorkingDirectory>
}

export interface WorkingDirectory extends AsyncDisposable {
  readonly path: string
}

export async function openWorkspace(roots: Roots): Promise<Workspace> {
  const root = join(temporaryRoot(roots), 'images')
  await rm(root, { recursive: true, force: true })
  await mkdir(root, { recursive: true, mode: 0o700 })
  return {
    async directory(purpose) {
      const path = await mkdtemp(join(root, `${purpose}-`))
      return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
    },
  }
}
