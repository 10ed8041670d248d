/** Whether the modes of namespaces are ones, and go together. Texts are Docker's. */
import type { ContainerConfig, HostConfig } from '../../machines/spec.ts'
import { badRequest } from '../errors.ts'
import { joinedContainer } from './namespaces.ts'

type Modes = Pick<HostConfig, 'PidMode' | 'IpcMode' | 'UTSMode' | 'CgroupnsMode'> & {
  /** Not a field that anything is done with. */
  readonly Isolation?: string
}

/** Docker finds a wrong IPC mode at the start only, and lets wrong pid and uts modes pass. @throws TallyError bad-request */
export function checkModes({ PidMode, IpcMode, UTSMode, CgroupnsMode, Isolation }: Modes): void {
  if (!isMode(PidMode, 'host') && joinedContainer(PidMode) === undefined)
    throw badRequest(`Invalid PID mode: ${PidMode}`)
  if (!isMode(IpcMode, 'none', 'private', 'shareable', 'host') && joinedContainer(IpcMode) === undefined)
    throw badRequest(`Invalid IPC mode: ${IpcMode}`)
  if (!isMode(UTSMode, 'host')) throw badRequest(`Invalid UTS mode: ${UTSMode}`)
  if (!isMode(CgroupnsMode, 'host', 'private'))
    throw badRequest(`invalid cgroup namespace mode: ${CgroupnsMode}`)
  if (!isMode(Isolation?.toLowerCase(), 'default'))
    throw badRequest(`Invalid isolation: "${Isolation}" - linux only supports 'default'`)
}

/** @throws TallyError bad-request: the host's name is not a container's to set. */
export function checkHostname(
  { Hostname }: Pick<Partial<ContainerConfig>, 'Hostname'>,
  { UTSMode }: Pick<Partial<HostConfig>, 'UTSMode'>,
): void {
  if (UTSMode === 'host' && Hostname) throw badRequest('conflicting options: hostname and the UTS mode')
}

const isMode = (mode: string | undefined, ...known: readonly string[]): boolean =>
  mode === undefined || mode === '' || known.includes(mode)
