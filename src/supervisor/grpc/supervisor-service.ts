/** tallyman.supervisor.v1.Supervisor: the port's steps that containerd's Tasks does not have. */
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { StartExecRequest__Output } from '../../../build/proto/tallyman/supervisor/v1/StartExecRequest.ts'
import type { StartShimRequest__Output } from '../../../build/proto/tallyman/supervisor/v1/StartShimRequest.ts'
import type { TaskRequest__Output } from '../../../build/proto/tallyman/supervisor/v1/TaskRequest.ts'
import { TallyError } from '../../errors.ts'
import type { LocalSupervisor } from '../local-port.ts'
import type { ProcessRef } from '../port.ts'
import { streaming, unary } from './handler.ts'
import { fromStartExec, fromStartShim, toExec, toExit, toTask } from './messages.ts'
import { processRef } from './references.ts'
import { toStats } from './stats-message.ts'

export const supervisorService = (supervisor: LocalSupervisor): UntypedServiceImplementation => ({
  StartShim: unary(async (request: StartShimRequest__Output, { signal }) => ({
    shim: await supervisor.startShim(fromStartShim(request), signal),
  })),
  StartExec: unary(async (request: StartExecRequest__Output) => ({
    shim: await supervisor.startExec(fromStartExec(request)),
  })),
  AwaitPid: unary(async (request: TaskRequest__Output) => ({
    process: await supervisor.awaitPid(refOf(request)),
  })),
  StartProcess: unary(({ id }: TaskRequest__Output) => supervisor.startProcess(id)),
  Wait: unary(async (request: TaskRequest__Output, { signal }) =>
    toExit(await supervisor.wait(refOf(request), signal)),
  ),
  Delete: unary(async (request: TaskRequest__Output) => {
    await supervisor.delete(refOf(request))
    return {}
  }),
  AttachOutput: unary(async (request: TaskRequest__Output) => {
    await supervisor.attachOutput(refOf(request))
    return {}
  }),
  Get: unary(async ({ id }: TaskRequest__Output) => {
    const state = await supervisor.task(id)
    if (state === undefined) throw new TallyError('not-found', `task ${id}: not found`)
    return toTask(state)
  }),
  List: unary(async () => ({ tasks: (await supervisor.tasks()).map(toTask) })),
  ListExecs: unary(async ({ id }: TaskRequest__Output) => ({
    execs: (await supervisor.execs(id)).map(toExec),
  })),
  Stats: unary(async ({ id }: TaskRequest__Output) => toStats(await supervisor.stats(id))),
  Watch: streaming((_: object, { signal }) => supervisor.events(signal)),
})

const refOf = ({ id, execId }: TaskRequest__Output): ProcessRef => processRef(id, execId)
