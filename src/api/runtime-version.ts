/** What an OCI runtime's binary says of itself: `runc --version`. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface RuntimeVersion {
  readonly version: string
  readonly commit: string
}

/** Docker's word for a runtime that can't be asked. */
const unknown: RuntimeVersion = { version: 'N/A', commit: 'N/A' }
const patience = 5000

export async function runtimeVersion(path: string): Promise<RuntimeVersion> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: patience })
    return {
      version: /version (\S+)/.exec(stdout)?.[1] ?? unknown.version,
      commit: /^commit: *(\S+)/m.exec(stdout)?.[1] ?? unknown.commit,
    }
  } catch {
    return unknown
  }
}
