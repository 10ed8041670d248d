/** The two networks there are: `none` and `host`, in the shapes of Docker's network and container routes. */
import { createHash } from 'node:crypto'
import type { ContainerView } from '../../engine/port.ts'
import type { DaemonInfo } from '../daemon-info.ts'

export const networkNames = ['none', 'host'] as const

export type NetworkName = (typeof networkNames)[number]

/** The same as long as the data root is the same. */
export const networkId = ({ roots }: DaemonInfo, name: string): string =>
  createHash('sha256').update(`network ${name} ${roots.dataRoot}`).digest('hex')

export const networkModeOf = ({ context }: ContainerView): string =>
  context.spec?.hostConfig.NetworkMode ?? 'default'

/** `GET /networks` and `GET /networks/{id}`. @param attached the containers to be listed in it */
export function networkView(
  daemon: DaemonInfo,
  name: NetworkName,
  attached: readonly ContainerView[],
): Record<string, unknown> {
  return {
    Name: name,
    Id: networkId(daemon, name),
    Created: daemon.startedAt,
    Scope: 'local',
    Driver: name === 'none' ? 'null' : 'host',
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: [] },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(attached.map((view) => [view.id, endpointView(view)])),
    Options: {},
    Labels: {},
  }
}

const endpointView = ({ name }: ContainerView) => ({
  Name: name,
  EndpointID: '',
  MacAddress: '',
  IPv4Address: '',
  IPv6Address: '',
})

/** `NetworkSettings.Networks` of a container: an entry without addresses, because neither network gives any. */
export function attachedNetworks(daemon: DaemonInfo, view: ContainerView): Record<string, object> {
  const mode = networkModeOf(view)
  const NetworkID = view.context.run === null ? '' : networkId(daemon, mode)
  return { [mode]: { ...unaddressed, NetworkID } }
}

const unaddressed = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  NetworkID: '',
  EndpointID: '',
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  MacAddress: '',
  DriverOpts: null,
} as const

/** `NetworkSettings` of inspect. */
export const networkSettings = (daemon: DaemonInfo, view: ContainerView) => ({
  Bridge: '',
  SandboxID: '',
  HairpinMode: false,
  LinkLocalIPv6Address: '',
  LinkLocalIPv6PrefixLen: 0,
  Ports: {},
  SandboxKey: view.state.pid === 0 ? '' : `/proc/${view.state.pid}/ns/net`,
  SecondaryIPAddresses: null,
  SecondaryIPv6Addresses: null,
  EndpointID: '',
  Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  MacAddress: '',
  Networks: attachedNetworks(daemon, view),
})
