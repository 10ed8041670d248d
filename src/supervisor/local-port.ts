/** The supervisor of this process: what its gRPC server needs beyond the port. */
import type { Supervisor, TaskSpec } from './port.ts'
import type { TaskEvent } from './task-event.ts'

export interface LocalSupervisor extends Supervisor, AsyncDisposable {
  /** Everything that happens to tasks from now on, until `signal` aborts. */
  taskEvents(signal: AbortSignal): AsyncIterable<TaskEvent>
  /** Signals every process of a task. @throws TallyError not-found if the first one does not run. */
  killAll(id: string, signalName: string): Promise<void>
  /** What the task was started with. @throws TallyError not-found */
  spec(id: string): TaskSpec
}
