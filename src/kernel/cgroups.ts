/** Which control groups the machine has and where: cgroups(7). */
import { readFileSync, statfsSync } from 'node:fs'
import { type Mount, mounts } from './mountinfo.ts'

export interface Cgroups {
  /** `hybrid`: the controllers are v1's, with a v2 hierarchy beside them. */
  readonly version: 'v1' | 'hybrid' | 'v2'
  /** Controller (`memory`) → directory of its hierarchy (`/sys/fs/cgroup/memory`; v2: `/sys/fs/cgroup` for all). */
  readonly controllers: ReadonlyMap<string, string>
}

const cgroupRoot = '/sys/fs/cgroup'

/** CGROUP2_SUPER_MAGIC, statfs(2) */
const cgroup2Magic = 0x63677270

export async function cgroups(): Promise<Cgroups> {
  if (statfsSync(cgroupRoot).type === cgroup2Magic) return unified()
  return legacy(await mounts())
}

function unified(): Cgroups {
  const names = readFileSync(`${cgroupRoot}/cgroup.controllers`, 'utf8').trim().split(' ')
  return { version: 'v2', controllers: new Map(names.map((name) => [name, cgroupRoot])) }
}

/** A v1 hierarchy names its controllers among the options of its file system. */
export function legacy(mounted: readonly Mount[]): Cgroups {
  const version = mounted.some(({ type }) => type === 'cgroup2') ? 'hybrid' : 'v1'
  const hierarchies = mounted.filter(({ type, target }) => type === 'cgroup' && target.startsWith(cgroupRoot))
  const pairs = hierarchies.flatMap(({ options, target }) =>
    options.filter(isController).map((name) => [name, target] as const),
  )
  return { version, controllers: new Map(pairs) }
}

function isController(option: string): boolean {
  return !/[=]|^(rw|ro|xattr|noprefix|clone_children|cpuset_v2_mode|favordynmods|none)$/.test(option)
}
