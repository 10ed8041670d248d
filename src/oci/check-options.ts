/** What `docker create` refuses and warns of, in Docker's words: everything that can be known before the container is started. */

import { parseSignal } from '../../machines/signals.ts'
import type { ContainerConfig, HostConfig } from '../../machines/spec.ts'
import { badRequest } from '../errors.ts'
import { capabilities } from './capabilities.ts'
import { checkResources } from './check-resources.ts'
import { isAbsolutePath } from './clean-path.ts'
import type { HostFacts } from './facts.ts'
import { checkLogConfig } from './log-driver.ts'
import { userMounts } from './mount-points.ts'
import { oomScoreAdj } from './process.ts'
import { parseSeccompProfile } from './seccomp-profile.ts'
import { securityOptions } from './security-options.ts'

export interface CheckFacts {
  readonly host: HostFacts
  /** Names that HostConfig.Runtime may have. */
  readonly runtimes: readonly string[]
  readonly pathExists: (path: string) => boolean
}

/** @throws TallyError bad-request */
export function checkConfig({ WorkingDir, StopSignal, Env }: Partial<ContainerConfig>): void {
  if (WorkingDir && !isAbsolutePath(WorkingDir))
    throw badRequest(`the working directory '${WorkingDir}' is invalid, it needs to be an absolute path`)
  if (StopSignal && parseSignal(StopSignal) === undefined) throw badRequest(`Invalid signal: ${StopSignal}`)
  const broken = (Env ?? []).find((entry) => entry === '' || entry.startsWith('='))
  if (broken !== undefined) throw badRequest(`invalid environment variable: ${broken}`)
}

/** @returns warnings. @throws TallyError bad-request */
export function checkHostConfig(hostConfig: HostConfig, facts: CheckFacts): readonly string[] {
  const { withheld } = capabilities(hostConfig, facts.host.capabilities)
  const warnings = checkResources(hostConfig, facts.host)
  checkRanges(hostConfig)
  checkLogConfig(hostConfig.LogConfig)
  checkRuntime(hostConfig.Runtime, facts.runtimes)
  checkMounts(hostConfig, facts.pathExists)
  checkSecurityOptions(hostConfig)
  checkExtraHosts(hostConfig.ExtraHosts ?? [])
  return [...warnings, ...withheldWarning(withheld), ...oomScoreWarning(hostConfig, facts.host)]
}

function checkRanges({ ShmSize, OomScoreAdj, RestartPolicy, AutoRemove }: HostConfig): void {
  if (ShmSize < 0) throw badRequest('SHM size can not be less than 0')
  if (OomScoreAdj < -1000 || OomScoreAdj > 1000)
    throw badRequest(`Invalid value ${OomScoreAdj}, range for oom score adj is [-1000, 1000]`)
  checkRestartPolicy(RestartPolicy)
  if (AutoRemove && !['', 'no'].includes(RestartPolicy.Name))
    throw badRequest("can't create 'AutoRemove' container with restart policy")
}

/** @throws TallyError bad-request */
export function checkRestartPolicy({ Name, MaximumRetryCount }: HostConfig['RestartPolicy']): void {
  if (!['', 'no', 'always', 'unless-stopped', 'on-failure'].includes(Name))
    throw badRequest(`invalid restart policy '${Name}'`)
  if (Name === 'on-failure' && MaximumRetryCount < 0)
    throw badRequest('maximum retry count cannot be negative')
  if (Name !== '' && Name !== 'on-failure' && MaximumRetryCount !== 0)
    throw badRequest(`maximum retry count cannot be used with restart policy '${Name}'`)
}

function checkRuntime(name: string, runtimes: readonly string[]): void {
  if (name !== '' && !runtimes.includes(name)) throw badRequest(`Unknown runtime specified ${name}`)
}

function checkMounts(hostConfig: HostConfig, pathExists: (path: string) => boolean): void {
  const binds = userMounts(hostConfig).filter((mount) => mount.type === 'bind')
  const missing = binds.find(({ createSource, source }) => !createSource && !pathExists(source))
  if (missing !== undefined)
    throw badRequest(
      `invalid mount config for type "bind": bind source path does not exist: ${missing.source}`,
    )
}

function checkSecurityOptions({ SecurityOpt }: HostConfig): void {
  const { seccomp } = securityOptions(SecurityOpt)
  if (seccomp && seccomp !== 'unconfined') parseSeccompProfile(seccomp)
}

function checkExtraHosts(hosts: readonly string[]): void {
  for (const entry of hosts) {
    const [name = '', ...address] = entry.split(':')
    if (name === '' || address.length === 0) throw badRequest(`bad format for add-host: "${entry}"`)
    const text = address.join(':')
    if (text !== 'host-gateway' && !/^(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$/.test(text))
      throw badRequest(`invalid IP address in add-host: "${text}"`)
  }
}

function withheldWarning(names: readonly string[]): readonly string[] {
  if (names.length === 0) return []
  return [`The daemon itself does not have ${names.join(', ')}: the container runs without.`]
}

function oomScoreWarning({ OomScoreAdj }: HostConfig, host: HostFacts): readonly string[] {
  const used = oomScoreAdj(OomScoreAdj, host)
  if (used === OomScoreAdj || OomScoreAdj === 0) return []
  return [`The daemon does not have CAP_SYS_RESOURCE: the OOM score adjustment is ${used}.`]
}
