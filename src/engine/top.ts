/** The processes of a container that runs, as the host's ps(1) shows them. */
import { conflict } from '../errors.ts'
import type { Origin } from '../origin.ts'
import type { Supervisor } from '../supervisor/port.ts'
import { listProcesses } from '../workers/process-list.ts'
import { noteFact, targetOf } from './facts.ts'
import type { Lifecycle } from './lifecycle.ts'
import { type ProcessTable, processTable } from './process-table.ts'

export interface TopPorts {
  readonly supervisor: Pick<Supervisor, 'processes'>
  readonly durable: () => Promise<void>
}

/** @param psArgs options of ps, divided by blanks. @throws TallyError conflict unless it runs, internal for what ps does not take */
export async function listContainerProcesses(
  ports: TopPorts,
  lifecycle: Lifecycle,
  psArgs: string,
  origin: Origin,
): Promise<ProcessTable> {
  const { id } = targetOf(lifecycle)
  if (!lifecycle.life.matches('running')) throw conflict(`Container ${id} is not running`)
  const pids = await ports.supervisor.processes(id)
  const output = await listProcesses(psArgs.split(' '), pids)
  const table = processTable(output, new Set(pids))
  await noteFact(ports, lifecycle, { type: 'ProcessesListed' }, origin)
  return table
}
