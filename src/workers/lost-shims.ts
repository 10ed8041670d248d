/** Shims whose directory has gone: nobody can follow them any more. The others are the supervisor's. */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { startTicks } from '../kernel/process-identity.ts'
import { type Roots, supervisorRoot } from '../paths.ts'
import { killProcess } from '../supervisor/shim.ts'

export interface LostShim {
  /** Of the container whose process it watches. */
  readonly id: string
  readonly pid: number
}

const containerId = /^[0-9a-f]{64}$/

/** Those that were given a directory below our root. */
export async function lostShims(roots: Roots): Promise<readonly LostShim[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(pids.map((pid) => lostShim(roots, pid)))
  return found.filter((shim) => shim !== undefined)
}

/** Its pid may be another's by now, so it is looked at again. Gone is fine. */
export async function killLostShim(roots: Roots, { id, pid }: LostShim): Promise<void> {
  const ticks = startTicks(pid)
  if (ticks === undefined || (await lostShim(roots, pid))?.id !== id) return
  killProcess({ pid, startTicks: ticks })
}

async function lostShim(roots: Roots, pid: number): Promise<LostShim | undefined> {
  const directory = await shimDirectory(roots, pid)
  if (directory === undefined || existsSync(directory)) return undefined
  const id = directory.slice(supervisorRoot(roots).length + 1).split('/')[0] ?? ''
  return containerId.test(id) ? { id, pid } : undefined
}

async function shimDirectory(roots: Roots, pid: number): Promise<string | undefined> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  const directory = words[words.indexOf('--dir') + 1] ?? ''
  const isShim = words[0]?.endsWith('/tally-shim') === true && words[1] === '--dir'
  return isShim && directory.startsWith(`${supervisorRoot(roots)}/`) ? directory : undefined
}
