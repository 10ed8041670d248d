/** Which paths of /proc and /sys a container can't read (masked) or can't write. */
import type { HostConfig } from '../../machines/spec.ts'

/** Docker's, with what was added after 20.10 (interrupts, powercap: side channels). */
export const defaultMaskedPaths: readonly string[] = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
]

export const defaultReadonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
]

/** What was asked for, also an empty list; else the defaults, which a privileged container does not have. */
export function maskedPaths({ MaskedPaths, Privileged }: HostConfig): readonly string[] {
  return MaskedPaths ?? (Privileged ? [] : defaultMaskedPaths)
}

export function readonlyPaths({ ReadonlyPaths, Privileged }: HostConfig): readonly string[] {
  return ReadonlyPaths ?? (Privileged ? [] : defaultReadonlyPaths)
}
