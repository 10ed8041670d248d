/** What is checked before anything is made for a new container. */
import type { HostConfig } from '../../machines/spec.ts'
import { checkHostname } from '../oci/check-modes.ts'
import { type CheckFacts, checkConfig, checkHostConfig } from '../oci/check-options.ts'
import { refuseUnsupported } from '../oci/unsupported.ts'
import { defaultHostConfig } from './create-defaults.ts'
import type { CreateRequest } from './port.ts'

/** @returns the check of a request: it answers with warnings. @throws TallyError bad-request or not-supported */
export function createChecks(facts: CheckFacts): (request: CreateRequest) => readonly string[] {
  return ({ config, hostConfig }) => {
    refuseUnsupported(config, hostConfig)
    checkConfig(config)
    checkHostname(config, hostConfig)
    return [
      ...checkHostConfig(defaultHostConfig(hostConfig, { runtime: '' }), facts),
      ...discardedPorts(hostConfig),
    ]
  }
}

function discardedPorts(hostConfig: Partial<HostConfig>): readonly string[] {
  const published = Object.entries(hostConfig).find(([name]) => name === 'PortBindings')?.[1]
  const isHost = hostConfig.NetworkMode === 'host'
  if (!isHost || typeof published !== 'object' || published === null) return []
  return Object.keys(published).length === 0
    ? []
    : ['Published ports are discarded when using host network mode']
}
