/** A container's resource limits, getrlimit(2). */
import type { HostConfig } from '../../machines/spec.ts'
import type { Rlimit } from './runtime-spec.ts'

/**
 * The limits asked for, and open files always: Node raises its own soft limit to the hard one and children inherit that, so leaving it
 * out would make the value depend on what runs the daemon. Docker's containers see the daemon's hard limit for both.
 */
export function rlimits(ulimits: HostConfig['Ulimits'], openFiles: number): readonly Rlimit[] {
  const asked = (ulimits ?? []).map(({ Name, Soft, Hard }) => ({
    type: limitType(Name),
    soft: limitValue(Soft),
    hard: limitValue(Hard),
  }))
  if (asked.some(({ type }) => type === 'RLIMIT_NOFILE')) return asked
  return [...asked, { type: 'RLIMIT_NOFILE', soft: openFiles, hard: openFiles }]
}

const limitType = (name: string): string => `RLIMIT_${name.toUpperCase()}`

/** RLIM_INFINITY; Docker's clients write it as -1. */
const unlimited = 2n ** 64n - 1n

const limitValue = (value: number): number | bigint => (value < 0 ? unlimited : value)
