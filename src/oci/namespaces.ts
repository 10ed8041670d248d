/** Which namespaces a container has of its own. */
import type { Namespace } from './runtime-spec.ts'

/** Without a network namespace the process stays in the runtime's, which is the host's. */
export function namespaces(networkMode: string, cgroupVersion: 1 | 2): readonly Namespace[] {
  return [
    { type: 'mount' },
    ...(hasOwnNetwork(networkMode) ? [{ type: 'network' } as const] : []),
    { type: 'uts' },
    { type: 'pid' },
    { type: 'ipc' },
    ...(cgroupVersion === 2 ? [{ type: 'cgroup' } as const] : []),
  ]
}

export const hasOwnNetwork = (networkMode: string): boolean => networkMode !== 'host'
