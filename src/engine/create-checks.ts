/** What is checked before anything is made for a new container. */
import type { HostConfig } from '../../machines/spec.ts'
import { type CheckFacts, checkConfig, checkHostConfig, checkRestartPolicy } from '../oci/check-options.ts'
import { checkResources } from '../oci/check-resources.ts'
import { refuseUnsupported } from '../oci/unsupported.ts'
import { defaultHostConfig } from './create-defaults.ts'
import type { CreateRequest } from './port.ts'
import type { Update } from './update.ts'

/** @returns the check of a request: it answers with warnings. @throws TallyError bad-request or not-supported */
export function createChecks(facts: CheckFacts): (request: CreateRequest) => readonly string[] {
  return ({ config, hostConfig }) => {
    refuseUnsupported(config, hostConfig)
    checkConfig(config)
    return [
      ...checkHostConfig(defaultHostConfig(hostConfig, { runtime: '' }), facts),
      ...discardedPorts(hostConfig),
    ]
  }
}

/** @returns the check of an update: it answers with warnings. @throws TallyError bad-request */
export function updateChecks({ host }: CheckFacts): (update: Update) => readonly string[] {
  return (update) => {
    if (update.RestartPolicy !== undefined) checkRestartPolicy(update.RestartPolicy)
    const { Memory = 0, MemorySwap = 0, ...rest } = update
    // Alone, more swap than before is fine: the memory limit may be there already.
    const swap = Memory === 0 ? {} : { MemorySwap }
    return checkResources(defaultHostConfig({ ...rest, Memory, ...swap }, { runtime: '' }), host)
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
