/** Execs that run and that no log wants: of a daemon that was killed before it could end them. Released when the daemon starts, and reported. */
import type { ExecState, Supervisor } from '../supervisor/port.ts'
import type { ExecRegistry } from './exec-registry.ts'

export interface ExecOrphanPorts {
  readonly supervisor: Pick<Supervisor, 'tasks' | 'execs' | 'delete'>
  readonly execs: Pick<ExecRegistry, 'isAlive'>
  readonly report: (message: string, fields: object) => void
}

/** One that can't be released waits for the next start, or goes with its container. */
export async function releaseOrphanExecs(ports: ExecOrphanPorts): Promise<void> {
  const { supervisor, execs, report } = ports
  for (const { id } of await supervisor.tasks())
    for (const { execId } of await execsOf(ports, id)) {
      if (execs.isAlive(execId)) continue
      const fields = { kind: 'exec', container: id, exec: execId }
      await supervisor.delete({ id, execId }).then(
        () => report('orphan released', fields),
        (err) => report('orphan not released', { ...fields, err }),
      )
    }
}

/** A task may have gone since they were listed. */
async function execsOf({ supervisor, report }: ExecOrphanPorts, id: string): Promise<readonly ExecState[]> {
  try {
    return await supervisor.execs(id)
  } catch (err) {
    report('execs not listed', { container: id, err })
    return []
  }
}
