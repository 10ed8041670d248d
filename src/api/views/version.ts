/** `GET /version`: who answers, and the parts that it consists of. */
import { arch, release } from 'node:os'
import type { DaemonInfo } from '../daemon-info.ts'
import type { RuntimeVersion } from '../runtime-version.ts'

/** Clients expect Go's names for architectures. */
const goArchitectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', ppc64: 'ppc64le' }

export function versionAnswer(daemon: DaemonInfo, runtime: RuntimeVersion): object {
  const engine = engineFacts(daemon)
  const own = { Version: daemon.version, Details: { GitCommit: daemon.gitCommit } }
  return {
    Platform: { Name: 'Tallyman' },
    Components: [
      {
        Name: 'Engine',
        Version: daemon.version,
        Details: { ...engine, MinAPIVersion: daemon.minApiVersion, Experimental: 'false' },
      },
      { Name: 'supervisor', ...own },
      { Name: 'shim', ...own },
      {
        Name: daemon.defaultRuntime,
        Version: runtime.version,
        Details: { GitCommit: runtime.commit },
      },
    ],
    Version: daemon.version,
    MinAPIVersion: daemon.minApiVersion,
    ...engine,
  }
}

const engineFacts = (daemon: DaemonInfo): Readonly<Record<string, string>> => ({
  ApiVersion: daemon.apiVersion,
  Arch: goArchitectures[arch()] ?? arch(),
  BuildTime: daemon.buildTime,
  GitCommit: daemon.gitCommit,
  GoVersion: `none (Node.js ${process.version})`,
  KernelVersion: release(),
  Os: 'linux',
})
