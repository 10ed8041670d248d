/** tallyman.supervisor.v1.Supervisor: the port's steps that containerd's Tasks does not have. */
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { StartShimRequest__Output } from '../../../build/proto/tallyman/supervisor/v1/StartShimRequest.ts'
import type { TaskRequest__Output } from '../../../build/proto/tallyman/supervisor/v1/TaskRequest.ts'
import { TallyError } from '../../errors.ts'
import type { LocalSupervisor } from '../local.ts'
import { streaming, unary } from './handler.ts'
import { fromStartShim, toExit, toTask } from './messages.ts'

export const supervisorService = (supervisor: LocalSupervisor): UntypedServiceImplementation => ({
  StartShim: unary(async (request: StartShimRequest__Output) => ({
    shim: await supervisor.startShim(fromStartShim(request)),
  })),
  AwaitPid: unary(async ({ id }: TaskRequest__Output) => ({ process: await supervisor.awaitPid(id) })),
  StartProcess: unary(({ id }: TaskRequest__Output) => supervisor.startProcess(id)),
  Wait: unary(async ({ id }: TaskRequest__Output, { signal }) => toExit(await supervisor.wait(id, signal))),
  Delete: unary(async ({ id }: TaskRequest__Output) => {
    await supervisor.delete(id)
    return {}
  }),
  AttachOutput: unary(async ({ id }: TaskRequest__Output) => {
    await supervisor.attachOutput(id)
    return {}
  }),
  Get: unary(async ({ id }: TaskRequest__Output) => {
    const state = await supervisor.task(id)
    if (state === undefined) throw new TallyError('not-found', `task ${id}: not found`)
    return toTask(state)
  }),
  List: unary(async () => ({ tasks: (await supervisor.tasks()).map(toTask) })),
  Watch: streaming((_: object, { signal }) => supervisor.events(signal)),
})
