/** containerd.services.containers.v1.Containers over the tasks that there are; here a container is known as long as its task is. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { Container } from '../../../build/proto/containerd/services/containers/v1/Container.ts'
import type { GetContainerRequest__Output } from '../../../build/proto/containerd/services/containers/v1/GetContainerRequest.ts'
import type { ListContainersRequest__Output } from '../../../build/proto/containerd/services/containers/v1/ListContainersRequest.ts'
import { rfc3339 } from '../../clock.ts'
import { TallyError } from '../../errors.ts'
import type { LocalSupervisor } from '../local-port.ts'
import { type Fields, parseFilters } from './filter.ts'
import { type Context, isOurs, streaming, unary } from './handler.ts'
import { packJson } from './proto.ts'
import { timestamp } from './timestamp.ts'

export function containersService(supervisor: LocalSupervisor): UntypedServiceImplementation {
  async function list(
    { filters }: ListContainersRequest__Output,
    context: Context,
  ): Promise<readonly Container[]> {
    const passes = parseFilters(filters)
    if (!isOurs(context)) return []
    const tasks = await supervisor.tasks()
    const containers = await Promise.all(tasks.map(({ id }) => containerOf(supervisor, id)))
    return containers.filter((container) => passes(fieldsOf(container)))
  }
  return {
    Get: unary(async ({ id }: GetContainerRequest__Output, context) => {
      if (!isOurs(context) || (await supervisor.task(id)) === undefined) throw notFound(id, context)
      return { container: await containerOf(supervisor, id) }
    }),
    List: unary(async (request: ListContainersRequest__Output, context) => ({
      containers: [...(await list(request, context))],
    })),
    ListStream: streaming(async function* (request: ListContainersRequest__Output, context) {
      for (const container of await list(request, context)) yield { container }
    }),
  }
}

async function containerOf(supervisor: LocalSupervisor, id: string): Promise<Container> {
  const { bundle, runtime, runId } = supervisor.spec(id)
  const config = join(bundle, 'config.json')
  const [text, { mtimeNs }] = await Promise.all([readFile(config, 'utf8'), stat(config, { bigint: true })])
  const since = timestamp(rfc3339(mtimeNs))
  return {
    id,
    labels: { [runLabel]: runId },
    runtime: { name: runtime },
    spec: packJson('opencontainers/runtime-spec/1/Spec', text),
    createdAt: since,
    updatedAt: since,
  }
}

/** Which start of the container it is. */
const runLabel = 'tallyman.run-id'

function fieldsOf({ id, labels, runtime }: Container): Fields {
  return (path) => {
    if (path === 'id') return id
    if (path === 'runtime.name') return runtime?.name
    return labels?.[path.replace(/^labels\."?|"$/g, '')]
  }
}

function notFound(id: string, { namespace }: Context): TallyError {
  return new TallyError('not-found', `container "${id}" in namespace "${namespace}": not found`)
}
