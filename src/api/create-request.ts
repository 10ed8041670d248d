/** From the body of `POST /containers/create` to the engine's request. What the client wrote null for, it did not ask for. */
import type { CreateRequest } from '../engine/port.ts'
import { badRequest, notSupported } from '../errors.ts'
import type { ContainerBody, CreateBody } from './schemas/container-create.ts'

/** @throws TallyError bad-request without a config, not-supported for networks that we don't have */
export function toCreateRequest(name: string | undefined, body: CreateBody | undefined): CreateRequest {
  const { HostConfig, NetworkingConfig, ...config } = body ?? {}
  if (Object.keys(config).length === 0)
    throw badRequest('Config cannot be empty in order to create a container')
  refuseNetworks(HostConfig?.NetworkMode, Object.keys(NetworkingConfig?.EndpointsConfig ?? {}))
  return {
    ...(name !== undefined && { name }),
    config: {
      ...withoutNulls({ ...config, Cmd: words(config.Cmd), Entrypoint: words(config.Entrypoint) }),
      Image: config.Image ?? '',
    },
    hostConfig: withoutNulls(HostConfig ?? {}),
  } as CreateRequest
}

const words = (value: ContainerBody['Cmd']): string[] | null =>
  typeof value === 'string' ? [value] : (value ?? null)

function withoutNulls(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))
}

/** The endpoint of the container's own network mode is no further network. */
function refuseNetworks(mode: string | null | undefined, endpoints: readonly string[]): void {
  const own: readonly (string | null | undefined)[] = ['default', 'none', 'host', mode]
  const further = endpoints.find((name) => !own.includes(name))
  if (further !== undefined) throw notSupported(`network ${further}: only none and host are supported yet`)
}
