/** The mounts of a container: Docker's default ones, the files that the engine writes for it, and the user's, which replace the others. */
import type { ContainerSpec, HostConfig } from '../../machines/spec.ts'
import type { ContainerPaths, StartFacts } from './facts.ts'
import { initMounts } from './init.ts'
import { bindPropagation, type PropagationFacts, rootPropagation } from './propagation.ts'
import { type PlainMount, plainMounts } from './resolved-mounts.ts'
import type { Mount } from './runtime-spec.ts'
import { tmpfsOptions } from './tmpfs-options.ts'

export interface MountInputs {
  readonly hostConfig: HostConfig
  readonly mounts?: NonNullable<ContainerSpec['mounts']>
  readonly paths: ContainerPaths
  readonly propagation: PropagationFacts
  readonly start: Pick<StartFacts, 'joined' | 'initProgram'>
}

export interface ContainerMounts {
  readonly mounts: readonly Mount[]
  readonly rootfsPropagation: string | undefined
}

/** In the order in which the runtime makes them: defaults, then the rest with parents first. */
export function containerMounts(inputs: MountInputs): ContainerMounts {
  const { hostConfig, paths, propagation, start } = inputs
  const wanted = plainMounts(inputs, propagation.dataRoot)
  const replaced = new Set(wanted.map(({ destination }) => destination))
  const shm = start.joined.shm ?? paths.shm
  const own = [...defaultMounts(hostConfig.Privileged), ...engineMounts(hostConfig, { ...paths, shm })]
  const kept = own.filter(({ destination }) => !isReplaced(destination, replaced))
  const binds = wanted.filter((mount) => mount.type === 'bind')
  const ordered = orderedMounts(
    kept,
    wanted.map((mount) => userMount(mount, propagation)),
  )
  return {
    mounts: [...ordered, ...initMounts(start.initProgram)],
    rootfsPropagation: rootPropagation(binds.map((bind) => bindPropagation(bind, propagation))),
  }
}

/** The engine's files lie deep enough that a user's mount of one of their parents must come before them. */
function orderedMounts(own: readonly Mount[], users: readonly Mount[]): readonly Mount[] {
  const isDefault = ({ type }: Mount) => type !== 'bind'
  const later = [...users, ...own.filter((mount) => !isDefault(mount))]
  return [...own.filter(isDefault), ...later.toSorted((one, other) => depth(one) - depth(other))]
}

const depth = ({ destination }: Mount): number => destination.split('/').length

/** A user's /dev takes all that would be mounted below it. */
function isReplaced(destination: string, replaced: ReadonlySet<string>): boolean {
  return replaced.has(destination) || (replaced.has('/dev') && destination.startsWith('/dev/'))
}

function defaultMounts(privileged: boolean): readonly Mount[] {
  const readOnly = privileged ? [] : ['ro']
  const strict = ['nosuid', 'noexec', 'nodev']
  const pseudoTerminals = ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']
  return [
    pseudoMount('/proc', 'proc', strict),
    pseudoMount('/dev', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
    pseudoMount('/dev/pts', 'devpts', pseudoTerminals),
    pseudoMount('/sys', 'sysfs', [...strict, ...readOnly]),
    pseudoMount('/sys/fs/cgroup', 'cgroup', [...readOnly, ...strict]),
    pseudoMount('/dev/mqueue', 'mqueue', strict),
  ]
}

function pseudoMount(destination: string, type: string, options: readonly string[]): Mount {
  return { destination, type, source: type, options }
}

/** /dev/shm stays writable in a read-only container. Without System V and POSIX IPC there is none. */
function engineMounts({ ReadonlyRootfs, IpcMode }: HostConfig, paths: ContainerPaths): readonly Mount[] {
  const writable = !ReadonlyRootfs
  const propagation = 'rprivate'
  const shm = bindMount('/dev/shm', { source: paths.shm, writable: true, propagation })
  return [
    ...(IpcMode === 'none' ? [] : [shm]),
    bindMount('/etc/resolv.conf', { source: paths.resolvConf, writable, propagation }),
    bindMount('/etc/hostname', { source: paths.hostname, writable, propagation }),
    bindMount('/etc/hosts', { source: paths.hosts, writable, propagation }),
  ]
}

function userMount(mount: PlainMount, facts: PropagationFacts): Mount {
  if (mount.type === 'bind')
    return bindMount(mount.destination, { ...mount, propagation: bindPropagation(mount, facts) })
  const { destination, options } = mount
  return { destination, type: 'tmpfs', source: 'tmpfs', options: tmpfsOptions(options) }
}

function bindMount(
  destination: string,
  options: {
    readonly source: string
    readonly writable: boolean
    readonly propagation: string
    readonly recursive?: boolean
  },
): Mount {
  const { source, writable, propagation, recursive = true } = options
  const how = [recursive ? 'rbind' : 'bind', ...(writable ? [] : ['ro']), propagation]
  return { destination, type: 'bind', source, options: how }
}
