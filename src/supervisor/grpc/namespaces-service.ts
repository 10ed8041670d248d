/** containerd.services.namespaces.v1.Namespaces: there is one, and it can't be changed. */
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { GetNamespaceRequest__Output } from '../../../build/proto/containerd/services/namespaces/v1/GetNamespaceRequest.ts'
import { TallyError } from '../../errors.ts'
import { ourNamespace, unary } from './handler.ts'

const namespace = { name: ourNamespace, labels: {} }

export const namespacesService = (): UntypedServiceImplementation => ({
  Get: unary(async ({ name }: GetNamespaceRequest__Output) => {
    if (name === ourNamespace) return { namespace }
    throw new TallyError('not-found', `namespace "${name}": not found`)
  }),
  List: unary(async () => ({ namespaces: [namespace] })),
})
