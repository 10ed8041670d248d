/** containerd.services.introspection.v1.Introspection */
import { randomUUID } from 'node:crypto'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import { unary } from './handler.ts'

/** One a service that is served, under containerd's names. */
const services = [
  'containers',
  'events',
  'healthcheck',
  'introspection',
  'leases',
  'namespaces',
  'tasks',
  'version',
]

/** Node's word for an architecture to Go's. */
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' }

export function introspectionService(): UntypedServiceImplementation {
  const uuid = randomUUID()
  const architecture = architectures[process.arch] ?? process.arch
  const grpc = services.map((id) => ({ type: 'io.containerd.grpc.v1', id }))
  const runtime = {
    type: 'io.containerd.runtime.v1',
    id: 'tally-shim',
    platforms: [{ os: 'linux', architecture }],
  }
  return {
    Plugins: unary(async () => ({ plugins: [runtime, ...grpc] })),
    Server: unary(async () => ({ uuid })),
  }
}
