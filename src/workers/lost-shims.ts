/** Shims whose directory has gone: nobody can follow them any more. The others are the supervisor's. */
import { existsSync } from 'node:fs'
import { type Roots, supervisorRoot } from '../paths.ts'
import { findCommands, findProcesses } from '../supervisor/process-search.ts'
import { killProcess } from '../supervisor/shim.ts'

export interface LostShim {
  /** Of the container whose process it watches. */
  readonly id: string
  readonly pid: number
}

const containerId = /^[0-9a-f]{64}$/

/** Those that were given a directory below our root. */
export async function lostShims(roots: Roots): Promise<readonly LostShim[]> {
  const found = await findCommands((words) => lostBy(roots, words) !== undefined)
  return found.flatMap(({ pid, words }) => {
    const id = lostBy(roots, words)
    return id === undefined ? [] : [{ id, pid }]
  })
}

/** Its pid may be another's by now, so it is looked at again. Gone is fine. */
export async function killLostShim(roots: Roots, { id, pid }: LostShim): Promise<void> {
  const found = await findProcesses((words) => lostBy(roots, words) === id)
  for (const shim of found) if (shim.pid === pid) killProcess(shim)
}

/** @returns the id of the container that has lost it, if it is such a shim. */
function lostBy(roots: Roots, [program, option, directory = '']: readonly string[]): string | undefined {
  const root = `${supervisorRoot(roots)}/`
  const isShim = program?.endsWith('/tally-shim') === true && option === '--dir'
  if (!isShim || !directory.startsWith(root) || existsSync(directory)) return undefined
  const id = directory.slice(root.length).split('/')[0] ?? ''
  return containerId.test(id) ? id : undefined
}
