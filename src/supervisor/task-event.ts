/** Everything that happens to tasks, finer than the port's events: what the gRPC event topics are made of. */
import type { ExitStatus, SupervisorEvent } from './port.ts'
import type { TaskRecord } from './task-directory.ts'

interface About {
  readonly id: string
  readonly runId: string
}

interface AboutExec extends About {
  readonly execId: string
}

export type TaskFact =
  | SupervisorEvent
  | (About & { readonly type: 'shim-started'; readonly shimPid: number })
  | (About & { readonly type: 'pid-recorded'; readonly pid: number; readonly task: TaskRecord })
  | (About & { readonly type: 'started'; readonly pid: number })
  | (About & { readonly type: 'exited'; readonly pid: number; readonly exit: ExitStatus })
  | (AboutExec & { readonly type: 'exec-added' })
  | (AboutExec & { readonly type: 'exec-started'; readonly pid: number })
  | (AboutExec & { readonly type: 'exec-exited'; readonly pid: number; readonly exit: ExitStatus })
  | (About & { readonly type: 'deleted'; readonly pid: number; readonly exit: ExitStatus })

/** `at` is RFC 3339 with nanoseconds. */
export type TaskEvent = TaskFact & { readonly at: string }

/** Whether the port tells it: exits are told by `wait`, and what the engine asked for itself needs no telling. */
export function isSupervisorEvent(type: TaskEvent['type']): type is SupervisorEvent['type'] {
  return type === 'oom' || type === 'paused' || type === 'resumed'
}
