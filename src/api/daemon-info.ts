/** What the HTTP API knows about the daemon it speaks for; collected once at start-up. */
import type { Roots } from '../paths.ts'

export interface CgroupFacts {
  readonly driver: 'cgroupfs' | 'systemd'
  readonly version: '1' | '2'
}

export interface DaemonInfo {
  /** Host name, `Name` of /info. */
  readonly name: string
  /** Tallyman's own version: `0.1.0`. */
  readonly version: string
  /** The newest API version served: `1.41`. */
  readonly apiVersion: string
  /** The oldest API version served: `1.24`. */
  readonly minApiVersion: string
  /** Abbreviated commit that was built; empty if unknown. */
  readonly gitCommit: string
  /** RFC 3339. */
  readonly buildTime: string
  readonly roots: Roots
  readonly cgroup: CgroupFacts
  /** Names as in `HostConfig.Runtime`, each with its binary. */
  readonly runtimes: Readonly<Record<string, { readonly path: string }>>
  readonly defaultRuntime: string
  /** Containers go on when the daemon ends. */
  readonly liveRestore: boolean
  /** RFC 3339 with nanoseconds. */
  readonly startedAt: string
}
