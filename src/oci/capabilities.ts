/** Which capabilities a container gets: Docker's fourteen, CapAdd, CapDrop and Privileged, limited to what the daemon has itself. */
import type { HostConfig } from '../../machines/spec.ts'
import { badRequest } from '../errors.ts'
import type { CapabilitySets } from './runtime-spec.ts'

export const defaultCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]

/** linux/capability.h */
export const allCapabilities: readonly string[] = [
  ...defaultCapabilities,
  'CAP_AUDIT_CONTROL',
  'CAP_AUDIT_READ',
  'CAP_BLOCK_SUSPEND',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
  'CAP_DAC_READ_SEARCH',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_LEASE',
  'CAP_LINUX_IMMUTABLE',
  'CAP_MAC_ADMIN',
  'CAP_MAC_OVERRIDE',
  'CAP_NET_ADMIN',
  'CAP_NET_BROADCAST',
  'CAP_PERFMON',
  'CAP_SYSLOG',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_MODULE',
  'CAP_SYS_NICE',
  'CAP_SYS_PACCT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_WAKE_ALARM',
]

export type CapabilityOptions = Pick<HostConfig, 'CapAdd' | 'CapDrop' | 'Privileged'>

export interface Capabilities {
  readonly granted: readonly string[]
  /** Asked for, but the daemon does not have them itself. */
  readonly withheld: readonly string[]
}

/** @param available the daemon's bounding set. @throws TallyError bad-request `invalid CapAdd: unknown capability: "CAP_X"` */
export function capabilities(options: CapabilityOptions, available: readonly string[]): Capabilities {
  const wanted = wantedCapabilities(options)
  return {
    granted: wanted.filter((name) => available.includes(name)),
    withheld: wanted.filter((name) => !available.includes(name)),
  }
}

/** For a user other than root execve(2) empties effective and permitted, so they are not set in the first place. */
export function capabilitySets(granted: readonly string[], uid: number): CapabilitySets {
  return uid === 0 ? { bounding: granted, effective: granted, permitted: granted } : { bounding: granted }
}

function wantedCapabilities({ CapAdd, CapDrop, Privileged }: CapabilityOptions): readonly string[] {
  const added = normalized(CapAdd, 'CapAdd')
  const dropped = normalized(CapDrop, 'CapDrop')
  if (Privileged) return allCapabilities
  if (added.includes('ALL')) return allCapabilities.filter((name) => !dropped.includes(name))
  const kept = dropped.includes('ALL') ? [] : defaultCapabilities.filter((name) => !dropped.includes(name))
  return [...new Set([...kept, ...added])]
}

function normalized(names: readonly string[] | null, field: string): readonly string[] {
  return (names ?? []).map((name) => normalize(name, field))
}

function normalize(name: string, field: string): string {
  const upper = name.toUpperCase()
  if (upper === 'ALL') return upper
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`
  if (!allCapabilities.includes(full)) throw badRequest(`invalid ${field}: unknown capability: "${full}"`)
  return full
}
