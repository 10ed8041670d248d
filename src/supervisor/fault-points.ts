/** The supervisor with a fault point before and after each operation that changes the world: `supervisor.<operation>.before` and `.after`. */
import { betweenPoints, type Faults, noFaults } from '../faults.ts'
import type { LocalSupervisor } from './local-port.ts'

/** The others only look. */
const operations = [
  'startShim',
  'startExec',
  'awaitPid',
  'startProcess',
  'wait',
  'kill',
  'killAll',
  'pause',
  'resume',
  'delete',
  'closeStdin',
  'attachOutput',
  'resize',
  'update',
] as const

/** Without faults it is as it was. */
export function withFaultPoints(supervisor: LocalSupervisor, faults: Faults): LocalSupervisor {
  if (faults === noFaults) return supervisor
  for (const operation of operations) {
    const work: (...given: readonly never[]) => unknown = supervisor[operation].bind(supervisor)
    const value = (...given: readonly never[]) =>
      betweenPoints(faults, `supervisor.${operation}`, () => work(...given))
    Object.defineProperty(supervisor, operation, { value })
  }
  return supervisor
}
