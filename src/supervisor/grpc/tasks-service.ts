/** containerd.services.tasks.v1.Tasks for the tasks that our engine started. Nothing is exec'd in them here, so `exec_id` names nothing. */
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { CloseIORequest__Output } from '../../../build/proto/containerd/services/tasks/v1/CloseIORequest.ts'
import type { GetRequest__Output } from '../../../build/proto/containerd/services/tasks/v1/GetRequest.ts'
import type { KillRequest__Output } from '../../../build/proto/containerd/services/tasks/v1/KillRequest.ts'
import type { MetricsRequest__Output } from '../../../build/proto/containerd/services/tasks/v1/MetricsRequest.ts'
import type { ResizePtyRequest__Output } from '../../../build/proto/containerd/services/tasks/v1/ResizePtyRequest.ts'
import type { Metric } from '../../../build/proto/containerd/types/Metric.ts'
import type { Process } from '../../../build/proto/containerd/v1/types/Process.ts'
import type { Status } from '../../../build/proto/containerd/v1/types/Status.ts'
import type { Clock } from '../../clock.ts'
import { conflict, TallyError } from '../../errors.ts'
import type { LocalSupervisor } from '../local.ts'
import type { ExitStatus, TaskSpec, TaskState } from '../port.ts'
import { parseFilters } from './filter.ts'
import { type Context, isOurs, unary } from './handler.ts'
import { taskMetrics } from './task-metrics.ts'
import { timestamp } from './timestamp.ts'

/** What most requests have. */
interface TaskRequest {
  readonly containerId: string
  readonly execId?: string
}

export function tasksService(supervisor: LocalSupervisor, clock: Clock): UntypedServiceImplementation {
  /** @throws TallyError not-found for a task of another namespace, for an exec'd process and for an unknown task. */
  async function stateOf({ containerId, execId }: TaskRequest, context: Context): Promise<TaskState> {
    const state = isOurs(context) && !execId ? await supervisor.task(containerId) : undefined
    if (state === undefined) throw notFound(execId || containerId)
    return state
  }
  /** A method on one task. */
  function onTask<Request extends TaskRequest, Response>(
    act: (state: TaskState, request: Request, context: Context) => Promise<Response>,
  ) {
    return unary(async (request: Request, context) => act(await stateOf(request, context), request, context))
  }
  return {
    Get: onTask(async (state, _: GetRequest__Output) => ({
      process: processOf(state, supervisor.spec(state.id)),
    })),
    List: unary(async (_, context) => {
      const states = isOurs(context) ? await supervisor.tasks() : []
      return { tasks: states.map((state) => processOf(state, supervisor.spec(state.id))) }
    }),
    Start: onTask(async ({ id, process }) => {
      await supervisor.startProcess(id)
      return { pid: process?.pid ?? 0 }
    }),
    Delete: onTask((state) => deleteStopped(supervisor, state)),
    Kill: onTask((state, { signal, all }: KillRequest__Output) =>
      kill(supervisor, { id: state.id, signal, all }),
    ),
    Pause: onTask(({ id }) => answerEmpty(supervisor.pause(id))),
    Resume: onTask(({ id }) => answerEmpty(supervisor.resume(id))),
    ResizePty: onTask(({ id }, { width, height }: ResizePtyRequest__Output) =>
      answerEmpty(supervisor.resize(id, { width, height })),
    ),
    CloseIO: onTask(({ id }, { stdin }: CloseIORequest__Output) =>
      answerEmpty(stdin ? supervisor.closeStdin(id) : Promise.resolve()),
    ),
    ListPids: onTask(async ({ id }) => {
      const pids = await supervisor.processes(id)
      return { processes: pids.map((pid) => ({ pid })) }
    }),
    Metrics: unary(async ({ filters }: MetricsRequest__Output, context) => {
      const passes = parseFilters(filters)
      const states = isOurs(context) ? await supervisor.tasks() : []
      const chosen = states.filter(({ id }) => passes((path) => (path === 'id' ? id : undefined)))
      return { metrics: await Promise.all(chosen.map(({ id }) => metricOf(supervisor, clock, id))) }
    }),
    Wait: onTask(async ({ id }, _, { signal }) => exitFields(await supervisor.wait(id, signal))),
  }
}

const statuses: Readonly<Record<TaskState['status'], Status>> = {
  creating: 'UNKNOWN',
  created: 'CREATED',
  running: 'RUNNING',
  paused: 'PAUSED',
  stopped: 'STOPPED',
}

function processOf({ id, status, process, exit }: TaskState, { stdio, terminal }: TaskSpec): Process {
  return {
    ...{ containerId: id, id, pid: process?.pid ?? 0, status: statuses[status], terminal },
    ...stdio,
    ...(exit === null ? {} : exitFields(exit)),
  }
}

function exitFields({ exitCode, exitedAt }: ExitStatus) {
  return { exitStatus: exitCode, exitedAt: timestamp(exitedAt) }
}

async function deleteStopped(supervisor: LocalSupervisor, { id, status, process, exit }: TaskState) {
  if (exit === null) throw conflict(`task must be stopped before deletion: ${status}: failed precondition`)
  await supervisor.delete(id)
  return { id, pid: process?.pid ?? 0, ...exitFields(exit) }
}

interface Signal {
  readonly id: string
  readonly signal: number
  readonly all: boolean
}

async function kill(supervisor: LocalSupervisor, { id, signal, all }: Signal) {
  if (all) await supervisor.killAll(id, String(signal))
  else await supervisor.kill(id, String(signal))
  return {}
}

async function metricOf(supervisor: LocalSupervisor, clock: Clock, id: string): Promise<Metric> {
  return { id, timestamp: timestamp(clock.now()), data: await taskMetrics(supervisor.cgroup(id)) }
}

async function answerEmpty(done: Promise<void>) {
  await done
  return {}
}

function notFound(id: string): TallyError {
  return new TallyError('not-found', `task ${id} not found: not found`)
}
