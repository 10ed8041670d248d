/** grpc.health.v1.Health: who asks gets an answer, so this serves. dockerd asks after the supervisor was restarted. */
import { once } from 'node:events'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { HealthCheckResponse } from '../../../build/proto/grpc/health/v1/HealthCheckResponse.ts'
import { streaming, unary } from './handler.ts'

const serving: HealthCheckResponse = { status: 'SERVING' }

export const healthService = (): UntypedServiceImplementation => ({
  Check: unary(async () => serving),
  Watch: streaming(async function* (_request, { signal }) {
    yield serving
    if (!signal.aborted) await once(signal, 'abort')
  }),
})
