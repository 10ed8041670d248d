/** Who is to be killed while a fault point is held: found by the daemon's own directories in its command line, never by name. */
import { readdirSync, readFileSync } from 'node:fs'
import { runtimeRoot } from '../../src/paths.ts'
import type { Daemon } from '../e2e/daemon.ts'
import { killIfThere } from './scenarios.ts'

export type Victim = 'daemon' | 'supervisor' | 'shim' | 'runc'

/** @returns whether there was one. */
export function killVictim(daemon: Daemon, victim: Victim): boolean {
  return pidsOf(daemon, victim)
    .map((pid) => killIfThere(pid, 'SIGKILL'))
    .includes(true)
}

function pidsOf(daemon: Daemon, victim: Victim): readonly number[] {
  switch (victim) {
    case 'daemon':
      return [daemon.pid]
    case 'supervisor':
      return [daemon.supervisorPid]
    case 'shim':
    case 'runc':
      return find(daemon, victim)
  }
}

/** A shim names the directory of its task behind `--dir`; runc the directory of its state behind `--root`. */
function find(daemon: Daemon, victim: 'shim' | 'runc'): readonly number[] {
  const directory = victim === 'shim' ? `${daemon.execRoot}/` : runtimeRoot(daemon)
  const option = victim === 'shim' ? '--dir' : '--root'
  const names = (words: readonly string[]): boolean =>
    words.some((word, index) => word === option && words[index + 1]?.startsWith(directory) === true)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && names(commandLine(name)))
    .map(Number)
}

function commandLine(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    return []
  }
}
