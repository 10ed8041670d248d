/** What the daemon has to know of the machine it runs on; read once at start-up. */
import { readFileSync } from 'node:fs'
import { availableParallelism, release, totalmem } from 'node:os'

export interface Host {
  /** Changes with every boot: pids, mounts and sockets of another one are void. */
  readonly bootId: string
  readonly kernelVersion: string
  /** `Debian GNU/Linux 12 (bookworm)`, os-release(5) PRETTY_NAME. */
  readonly operatingSystem: string
  /** Bytes. */
  readonly memory: number
  readonly cpus: number
  /** The capabilities (capabilities(7)) that this process and its children can ever have: `CAP_CHOWN` … */
  readonly capabilities: readonly string[]
}

export function host(): Host {
  return {
    bootId: bootId(),
    kernelVersion: release(),
    operatingSystem: prettyName(osRelease()),
    memory: totalmem(),
    cpus: availableParallelism(),
    capabilities: boundingSet(readFileSync('/proc/self/status', 'utf8')),
  }
}

/** proc_sys_kernel(5) */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** @param status the text of /proc/<pid>/status */
export function boundingSet(status: string): readonly string[] {
  const mask = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  return capabilityNames.filter((_, bit) => (mask >> BigInt(bit)) & 1n)
}

/** @param text an os-release file */
export function prettyName(text: string): string {
  const value = /^PRETTY_NAME=(.*)$/m.exec(text)?.[1] ?? 'Linux'
  return value.replace(/^(["'])(.*)\1$/, '$2')
}

function osRelease(): string {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      return readFileSync(path, 'utf8')
    } catch {
      // The next place, then none: the file is optional.
    }
  }
  return ''
}

/** In the order of their bits, linux/capability.h. */
const capabilityNames: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
]
