/** The process of a container: what it runs, as whom, with which environment and rights. */
import type { ContainerConfig, ContainerSpec } from '../../machines/spec.ts'
import { type Capabilities, capabilitySets } from './capabilities.ts'
import { cleanPath } from './clean-path.ts'
import type { HostFacts, StartFacts } from './facts.ts'
import { initArguments } from './init.ts'
import { rlimits } from './rlimits.ts'
import type { Process } from './runtime-spec.ts'
import { securityOptions } from './security-options.ts'
import { resolveUser } from './user.ts'

export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface ProcessInputs {
  readonly spec: ContainerSpec
  readonly host: HostFacts
  readonly start: Pick<StartFacts, 'passwd' | 'group' | 'initProgram'>
  readonly capabilities: Capabilities
}

export function containerProcess({ spec, host, start, capabilities }: ProcessInputs): Process {
  const { config, hostConfig } = spec
  const user = resolveUser({ user: config.User, groupAdd: hostConfig.GroupAdd }, start)
  const { noNewPrivileges, apparmor } = securityOptions(hostConfig.SecurityOpt)
  return {
    terminal: config.Tty,
    ...terminalSize(spec),
    user,
    args: [...initArguments(start.initProgram), ...(config.Entrypoint ?? []), ...(config.Cmd ?? [])],
    env: environment(config),
    cwd: workingDirectory(config),
    capabilities: capabilitySets(capabilities.granted, user.uid),
    rlimits: rlimits(hostConfig.Ulimits, host.openFiles),
    noNewPrivileges,
    oomScoreAdj: oomScoreAdj(hostConfig.OomScoreAdj, host),
    ...(apparmor === undefined || !host.apparmor ? {} : { apparmorProfile: apparmor }),
  }
}

/** What the client's own terminal measured; without a terminal, or if it did not say: nothing. */
export function terminalSize({ config, hostConfig }: ContainerSpec): Pick<Process, 'consoleSize'> {
  const [height = 0, width = 0] = hostConfig.ConsoleSize ?? []
  return config.Tty && (height > 0 || width > 0) ? { consoleSize: { height, width } } : {}
}

/**
 * PATH, HOSTNAME and, with a terminal, TERM; then the container's own, which replace those. A name without `=` removes the variable.
 * HOME is added by the runtime, from the image's /etc/passwd, if it is not here.
 */
export function environment({ Hostname, Tty, Env }: ContainerConfig): readonly string[] {
  const variables = new Map([
    ['PATH', defaultPath],
    ['HOSTNAME', Hostname],
    ...(Tty ? [['TERM', 'xterm'] as const] : []),
  ])
  for (const entry of Env) {
    const at = entry.indexOf('=')
    if (at < 0) variables.delete(entry)
    if (at >= 0) variables.set(entry.slice(0, at), entry.slice(at + 1))
  }
  return [...variables].map(([name, value]) => `${name}=${value}`)
}

export const workingDirectory = ({ WorkingDir }: ContainerConfig): string => cleanPath(WorkingDir)

/** Without CAP_SYS_RESOURCE the kernel refuses a value below the daemon's own, proc_pid_oom_score_adj(5). */
export function oomScoreAdj(
  wanted: number,
  { capabilities, oomScoreAdj: own }: Pick<HostFacts, 'capabilities' | 'oomScoreAdj'>,
): number {
  return capabilities.includes('CAP_SYS_RESOURCE') ? wanted : Math.max(wanted, own)
}
