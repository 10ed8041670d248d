/** Waiting for the death of processes that were killed: one is there until it has run once more, and one that is frozen until it is thawed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive } from '../kernel/process-identity.ts'
import type { ProcessIdentity } from './port.ts'

/** How often and how long apart they are looked at: about two seconds. */
const rounds = 400
const roundMilliseconds = 5

/** @returns false if one would not die. */
export async function haveDied(processes: readonly ProcessIdentity[]): Promise<boolean> {
  for (let round = 0; processes.some(isAlive); round++) {
    if (round === rounds) return false
    await sleep(roundMilliseconds)
  }
  return true
}
