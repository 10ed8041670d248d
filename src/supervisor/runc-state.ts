/** What runc's own state says about a container: whether `runc delete` would do more than remove its groups and its state. */
import { join } from 'node:path'
import type { RuntimeTarget } from './runc-command.ts'
import { readJson } from './task-directory.ts'

/** The parts of `<root>/<id>/state.json` that libcontainer's `destroy` goes by. */
interface RuncState {
  readonly cgroup_paths?: Readonly<Record<string, string>>
  readonly intel_rdt_path?: string
  readonly config?: { readonly Hooks?: Readonly<Record<string, unknown>> | null }
}

/**
 * Whether removing `cgroup` and the state directory is all that `runc delete` does for a container whose processes are gone: all its groups
 * are among these, it has no hook that is run at the end, and no group in resctrl. False for a runtime that keeps its state otherwise.
 */
export function isPlain(runtime: Pick<RuntimeTarget, 'root' | 'id'>, cgroup: readonly string[]): boolean {
  const state = readJson<RuncState>(join(runtime.root, runtime.id, 'state.json'))
  if (state?.cgroup_paths === undefined || state.config?.Hooks === undefined) return false
  const hooks = Object.values(state.config.Hooks ?? {})
  return (
    state.intel_rdt_path === '' &&
    hooks.every((hook) => hook === null) &&
    Object.values(state.cgroup_paths).every((path) => cgroup.includes(path))
  )
}
