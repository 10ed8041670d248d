/** The supervisor with a fault point before and after each operation that changes the world: `supervisor.<operation>.before` and `.after`. */
import { betweenPoints, type Faults, noFaults } from '../faults.ts'
import type { LocalSupervisor } from './local.ts'

/** The others only look. */
const operations: readonly (string | symbol)[] = [
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
] satisfies readonly (keyof LocalSupervisor)[]

/** Without faults it is the supervisor itself. */
export function withFaultPoints(supervisor: LocalSupervisor, faults: Faults): LocalSupervisor {
  if (faults === noFaults) return supervisor
  return new Proxy(supervisor, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      const method: (...given: readonly unknown[]) => unknown = member.bind(target)
      if (!operations.includes(name)) return method
      return (...given: readonly unknown[]) =>
        betweenPoints(faults, `supervisor.${String(name)}`, () => method(...given))
    },
  })
}
