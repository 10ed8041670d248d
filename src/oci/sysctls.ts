/** Kernel parameters of the container's own namespaces. */
import type { ContainerSpec } from '../../machines/spec.ts'
import type { HostFacts } from './facts.ts'
import { hasOwnNetwork } from './namespaces.ts'

/** With an own network every group may ping and low ports need no capability, as Docker has it since 20.10. */
const ownNetwork: Readonly<Record<string, string>> = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
}

export function sysctls(
  { config, hostConfig }: ContainerSpec,
  { networkSysctls }: Pick<HostFacts, 'networkSysctls'>,
): Readonly<Record<string, string>> {
  const defaults = hasOwnNetwork(hostConfig.NetworkMode) ? Object.entries(ownNetwork) : []
  const domain = config.Domainname === '' ? {} : { 'kernel.domainname': config.Domainname }
  return {
    ...Object.fromEntries(defaults.filter(([name]) => networkSysctls.includes(name))),
    ...domain,
    ...hostConfig.Sysctls,
  }
}
