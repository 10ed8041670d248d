/** containerd.services.version.v1.Version */
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { LocalSupervisor } from '../local-port.ts'
import { unary } from './handler.ts'

export const versionService = (supervisor: LocalSupervisor): UntypedServiceImplementation => ({
  Version: unary(() => supervisor.version()),
})
