/** The port's values as tallyman.supervisor.v1's messages and back. */

import type { Exec__Output, Exec as ExecMessage } from '../../../build/proto/tallyman/supervisor/v1/Exec.ts'
import type {
  ExitStatus as ExitMessage,
  ExitStatus__Output,
} from '../../../build/proto/tallyman/supervisor/v1/ExitStatus.ts'
import type { Process__Output } from '../../../build/proto/tallyman/supervisor/v1/Process.ts'
import type { Size__Output } from '../../../build/proto/tallyman/supervisor/v1/Size.ts'
import type {
  StartExecRequest,
  StartExecRequest__Output,
} from '../../../build/proto/tallyman/supervisor/v1/StartExecRequest.ts'
import type {
  StartShimRequest,
  StartShimRequest__Output,
} from '../../../build/proto/tallyman/supervisor/v1/StartShimRequest.ts'
import type { Task, Task__Output } from '../../../build/proto/tallyman/supervisor/v1/Task.ts'
import type { TaskEvent__Output } from '../../../build/proto/tallyman/supervisor/v1/TaskEvent.ts'
import type {
  ExecSpec,
  ExecState,
  ExitStatus,
  OciProcess,
  ProcessIdentity,
  Stdio,
  SupervisorEvent,
  TaskSpec,
  TaskState,
} from '../port.ts'

export function toStartShim({ stdio, ...task }: TaskSpec): StartShimRequest {
  return { ...task, ...stdio }
}

export function fromStartShim(request: StartShimRequest__Output): TaskSpec {
  const { id, runId, bundle, terminal, log, runtime } = request
  return {
    ...{ id, runId, bundle, stdio: fromStdio(request), terminal, log: fromLog(log), runtime },
    ...fromSize(request.consoleSize),
  }
}

export function toStartExec({ stdio, process, ...exec }: ExecSpec): StartExecRequest {
  return { ...exec, ...stdio, process: JSON.stringify(process) }
}

export function fromStartExec(request: StartExecRequest__Output): ExecSpec {
  const { id, execId, runId, terminal } = request
  const process = JSON.parse(request.process) as OciProcess
  return {
    ...{ id, execId, runId, process, stdio: fromStdio(request), terminal },
    ...fromSize(request.consoleSize),
  }
}

function fromStdio({ stdin, stdout, stderr }: Stdio): Stdio {
  return {
    ...(stdin === undefined ? {} : { stdin }),
    ...(stdout === undefined ? {} : { stdout }),
    ...(stderr === undefined ? {} : { stderr }),
  }
}

function fromSize(size: Size__Output | null): Pick<TaskSpec, 'consoleSize'> {
  return size === null ? {} : { consoleSize: { width: size.width, height: size.height } }
}

function fromLog(log: StartShimRequest__Output['log']): TaskSpec['log'] {
  return log === null ? null : { ...log, driver: log.driver === 'none' ? 'none' : 'json-file' }
}

export function toExit({ reason, ...exit }: ExitStatus): ExitMessage {
  return reason === undefined ? exit : { ...exit, reason }
}

export function fromExit({ exitCode, exitedAt, oomKilled, reason }: ExitStatus__Output): ExitStatus {
  return { exitCode, exitedAt, oomKilled, ...(reason === undefined ? {} : { reason }) }
}

export function toTask({ exit, ...state }: TaskState): Task {
  return { ...state, exit: exit === null ? null : toExit(exit) }
}

export function fromTask({ shim, process, exit, ...state }: Task__Output): TaskState {
  const { id, runId, bundle, status, oomKilled } = state
  return {
    ...{ id, runId, bundle, status: status as TaskState['status'], oomKilled },
    shim: fromProcess(shim),
    process: process === null ? null : fromProcess(process),
    exit: exit === null ? null : fromExit(exit),
  }
}

export function toExec({ exit, ...state }: ExecState): ExecMessage {
  return { ...state, exit: exit === null ? null : toExit(exit) }
}

export function fromExec({ id, execId, runId, status, shim, process, exit }: Exec__Output): ExecState {
  return {
    ...{ id, execId, runId, status: status as ExecState['status'] },
    shim: fromProcess(shim),
    process: process === null ? null : fromProcess(process),
    exit: exit === null ? null : fromExit(exit),
  }
}

/** Absent only in the answer of something that is no supervisor of ours. */
export function fromProcess(process: Process__Output | null): ProcessIdentity {
  if (process === null) throw new TypeError('the supervisor answered without a process')
  return { pid: process.pid, startTicks: process.startTicks }
}

export function fromEvent({ type, id, runId }: TaskEvent__Output): SupervisorEvent {
  return { type: type as SupervisorEvent['type'], id, runId }
}
