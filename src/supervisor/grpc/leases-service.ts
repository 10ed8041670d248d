/**
 * containerd.services.leases.v1.Leases. Nothing is ever collected as garbage here, so a lease need not hold anything: it is an id that
 * clients ask for before they create something.
 */
import { randomUUID } from 'node:crypto'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { CreateRequest__Output } from '../../../build/proto/containerd/services/leases/v1/CreateRequest.ts'
import type { Clock } from '../../clock.ts'
import { unary } from './handler.ts'
import { timestamp } from './timestamp.ts'

export const leasesService = (clock: Clock): UntypedServiceImplementation => ({
  Create: unary(async ({ id, labels }: CreateRequest__Output) => ({
    lease: { id: id || randomUUID(), labels, createdAt: timestamp(clock.now()) },
  })),
  Delete: unary(async () => ({})),
  List: unary(async () => ({ leases: [] })),
  ListResources: unary(async () => ({ resources: [] })),
})
