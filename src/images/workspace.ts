/** Directories for what is being made or unmade, below `<data-root>/tmp`. What a crash has left there is gone when it is opened. */
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

/** @param owner names its part: what is in there of a process before this one goes. */
export async function openWorkspace(roots: Roots, owner = 'images'): Promise<Workspace> {
  const root = join(temporaryRoot(roots), owner)
  await rm(root, { recursive: true, force: true })
  await mkdir(root, { recursive: true, mode: 0o700 })
  return {
    async directory(purpose) {
      const path = await mkdtemp(join(root, `${purpose}-`))
      return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
    },
  }
}
