/** containerd.services.tasks.v1.Tasks for the tasks that our engine started, and for what is exec'd in them. */
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { CloseIORequest__Output } from '../../../build/proto/containerd/services/tasks/v1/CloseIORequest.ts'
import type { DeleteProcessRequest__Output } from '../../../build/proto/containerd/services/tasks/v1/DeleteProcessRequest.ts'
import type { ExecProcessRequest__Output } from '../../../build/proto/containerd/services/tasks/v1/ExecProcessRequest.ts'
import type { GetRequest__Output } from '../../../build/proto/containerd/services/tasks/v1/GetRequest.ts'
import type { KillRequest__Output } from '../../../build/proto/containerd/services/tasks/v1/KillRequest.ts'
import type { MetricsRequest__Output } from '../../../build/proto/containerd/services/tasks/v1/MetricsRequest.ts'
import type { ResizePtyRequest__Output } from '../../../build/proto/containerd/services/tasks/v1/ResizePtyRequest.ts'
import type { UpdateTaskRequest__Output } from '../../../build/proto/containerd/services/tasks/v1/UpdateTaskRequest.ts'
import type { Metric } from '../../../build/proto/containerd/types/Metric.ts'
import type { Process } from '../../../build/proto/containerd/v1/types/Process.ts'
import type { Status } from '../../../build/proto/containerd/v1/types/Status.ts'
import type { Any__Output } from '../../../build/proto/google/protobuf/Any.ts'
import type { Clock } from '../../clock.ts'
import { badRequest, conflict, TallyError } from '../../errors.ts'
import type { LocalSupervisor } from '../local-port.ts'
import type {
  ExecRef,
  ExecSpec,
  ExecState,
  ExitStatus,
  OciProcess,
  ProcessRef,
  Resources,
  TaskSpec,
  TaskState,
} from '../port.ts'
import { ExecRequests } from './exec-requests.ts'
import { parseFilters } from './filter.ts'
import { type Context, isOurs, unary } from './handler.ts'
import { processRef } from './references.ts'
import { taskMetrics } from './task-metrics.ts'
import { timestamp } from './timestamp.ts'

/** What most requests have. */
interface TaskRequest {
  readonly containerId: string
  readonly execId?: string
}

export function tasksService(supervisor: LocalSupervisor, clock: Clock): UntypedServiceImplementation {
  const requests = new ExecRequests(supervisor)
  /** @throws TallyError not-found for a task of another namespace and for an unknown one. */
  async function stateOf({ containerId }: TaskRequest, context: Context): Promise<TaskState> {
    const state = isOurs(context) ? await supervisor.task(containerId) : undefined
    if (state === undefined) throw notFound(containerId)
    return state
  }
  /** A method on one task, or on an exec in it. */
  function onTask<Request extends TaskRequest, Response>(
    act: (state: TaskState, request: Request, context: Context) => Promise<Response>,
  ) {
    return unary(async (request: Request, context) => act(await stateOf(request, context), request, context))
  }
  return {
    Get: onTask(async (state, { execId }: GetRequest__Output) => ({
      process: execId
        ? execProcessOf(await execState(supervisor, { id: state.id, execId }))
        : processOf(state, supervisor.spec(state.id)),
    })),
    Exec: onTask(async ({ id, runId }, request: ExecProcessRequest__Output) => {
      await requests.add(execSpec({ id, runId }, request))
      return {}
    }),
    DeleteProcess: onTask(({ id }, { execId }: DeleteProcessRequest__Output) =>
      deleteExec(supervisor, requests, { id, execId }),
    ),
    List: unary(async (_, context) => {
      const states = isOurs(context) ? await supervisor.tasks() : []
      return { tasks: states.map((state) => processOf(state, supervisor.spec(state.id))) }
    }),
    Start: onTask(async ({ id, process }, { execId }) => {
      if (execId) return { pid: await requests.start({ id, execId }) }
      await supervisor.startProcess(id)
      return { pid: process?.pid ?? 0 }
    }),
    Delete: onTask((state) => {
      requests.forgetTask(state.id)
      return deleteStopped(supervisor, state)
    }),
    Kill: onTask(({ id }, { execId, signal, all }: KillRequest__Output) =>
      kill(supervisor, { of: processRef(id, execId), signal, all }),
    ),
    Pause: onTask(({ id }) => answerEmpty(supervisor.pause(id))),
    Resume: onTask(({ id }) => answerEmpty(supervisor.resume(id))),
    ResizePty: onTask(({ id }, { execId, width, height }: ResizePtyRequest__Output) =>
      answerEmpty(supervisor.resize(processRef(id, execId), { width, height })),
    ),
    CloseIO: onTask(({ id }, { execId, stdin }: CloseIORequest__Output) =>
      answerEmpty(stdin ? supervisor.closeStdin(processRef(id, execId)) : Promise.resolve()),
    ),
    ListPids: onTask(async ({ id }) => {
      const pids = await supervisor.processes(id)
      return { processes: pids.map((pid) => ({ pid })) }
    }),
    Update: onTask(({ id }, { resources }: UpdateTaskRequest__Output) =>
      answerEmpty(supervisor.update(id, fromJson<Resources>(resources))),
    ),
    Metrics: unary(async ({ filters }: MetricsRequest__Output, context) => {
      const passes = parseFilters(filters)
      const states = isOurs(context) ? await supervisor.tasks() : []
      const chosen = states
        .filter(({ process, exit }) => process !== null && exit === null)
        .filter(({ id }) => passes((path) => (path === 'id' ? id : undefined)))
      return { metrics: await Promise.all(chosen.map(({ id }) => metricOf(supervisor, clock, id))) }
    }),
    Wait: onTask(async ({ id }, { execId }, { signal }) => {
      if (execId) return exitFields(await requests.wait({ id, execId }, signal))
      return exitFields(await supervisor.wait(id, signal))
    }),
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

/** @throws TallyError not-found */
async function execState(supervisor: LocalSupervisor, { id, execId }: ExecRef): Promise<ExecState> {
  const state = (await supervisor.execs(id)).find((exec) => exec.execId === execId)
  if (state === undefined) throw new TallyError('not-found', `process ${execId}: not found`)
  return state
}

function execProcessOf({ id, execId, status, process, exit }: ExecState): Process {
  return {
    ...{ containerId: id, id: execId, pid: process?.pid ?? 0, status: statuses[status] },
    ...(exit === null ? {} : exitFields(exit)),
  }
}

function execSpec(task: { id: string; runId: string }, request: ExecProcessRequest__Output): ExecSpec {
  const { execId, stdin, stdout, stderr, terminal, spec } = request
  const process = fromJson<OciProcess>(spec)
  const stdio = { ...(stdin && { stdin }), ...(stdout && { stdout }), ...(stderr && { stderr }) }
  return { ...task, execId, process, stdio, terminal }
}

/** One that was only asked for is forgotten; one that runs is not deleted. */
async function deleteExec(supervisor: LocalSupervisor, requests: ExecRequests, ref: ExecRef) {
  if (requests.has(ref)) {
    requests.forget(ref)
    return { id: ref.execId }
  }
  const { process, exit, status } = await execState(supervisor, ref)
  if (exit === null && process !== null)
    throw conflict(`process must be stopped before deletion: ${status}: failed precondition`)
  await supervisor.delete(ref)
  return { id: ref.execId, pid: process?.pid ?? 0, ...(exit === null ? {} : exitFields(exit)) }
}

/** @throws TallyError bad-request */
function fromJson<T>(any: Any__Output | null): T {
  try {
    return JSON.parse(Buffer.from(any?.value ?? '').toString('utf8')) as T
  } catch (cause) {
    throw badRequest('the request holds no JSON: invalid argument', cause)
  }
}

interface Signal {
  readonly of: ProcessRef
  readonly signal: number
  readonly all: boolean
}

async function kill(supervisor: LocalSupervisor, { of, signal, all }: Signal) {
  if (all && typeof of === 'string') await supervisor.killAll(of, String(signal))
  else await supervisor.kill(of, String(signal))
  return {}
}

async function metricOf(supervisor: LocalSupervisor, clock: Clock, id: string): Promise<Metric> {
  return { id, timestamp: timestamp(clock.now()), data: taskMetrics(await supervisor.stats(id)) }
}

async function answerEmpty(done: Promise<void>) {
  await done
  return {}
}

function notFound(id: string): TallyError {
  return new TallyError('not-found', `task ${id} not found: not found`)
}
