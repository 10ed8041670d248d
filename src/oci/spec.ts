/** config.json as data: a container, facts of the host and facts of the mounted root file system in, the OCI runtime's input out. */
import type { ContainerSpec } from '../../machines/spec.ts'
import { capabilities } from './capabilities.ts'
import { cleanPath } from './clean-path.ts'
import { refuseDeviceRequests } from './device-requests.ts'
import { devices } from './devices.ts'
import type { ContainerPaths, HostFacts, StartFacts } from './facts.ts'
import { maskedPaths, readonlyPaths } from './masked-paths.ts'
import { containerMounts } from './mounts.ts'
import { namespaces } from './namespaces.ts'
import { containerProcess } from './process.ts'
import { resources } from './resources.ts'
import type { Linux, RuntimeSpec } from './runtime-spec.ts'
import { seccomp } from './seccomp.ts'
import { sysctls } from './sysctls.ts'

export interface SpecInputs {
  readonly id: string
  readonly spec: ContainerSpec
  readonly host: HostFacts
  readonly start: StartFacts
  readonly paths: ContainerPaths
  readonly dataRoot: string
  /** The control group in which the daemon puts containers that ask for no other: `/docker`. */
  readonly cgroupParent: string
}

/** @throws TallyError with exit code 128 for what can only be known at the start: an unknown user, a bind that can't be shared. */
export function runtimeSpec(inputs: SpecInputs): RuntimeSpec {
  const { spec, host, start, paths, dataRoot } = inputs
  const { config, hostConfig } = spec
  refuseDeviceRequests(hostConfig)
  const granted = capabilities(hostConfig, host.capabilities)
  const propagation = { dataRoot, sources: start.propagation }
  const { mounts, rootfsPropagation } = containerMounts({ ...spec, paths, propagation, start })
  return {
    ociVersion: '1.0.2',
    process: containerProcess({ spec, host, start, capabilities: granted }),
    root: { path: paths.rootfs, readonly: hostConfig.ReadonlyRootfs },
    hostname: hostConfig.UTSMode === 'host' ? '' : config.Hostname,
    mounts,
    linux: {
      ...linuxPart(inputs, granted.granted),
      ...(rootfsPropagation === undefined ? {} : { rootfsPropagation }),
    },
    ...(hostConfig.Annotations === undefined ? {} : { annotations: hostConfig.Annotations }),
  }
}

/** `/<parent>/<id>`, which can't climb out of the hierarchy. */
export function cgroupsPath(parent: string, id: string): string {
  return cleanPath(`${cleanPath(parent)}/${id}`)
}

function linuxPart({ id, spec, host, start, cgroupParent }: SpecInputs, granted: readonly string[]): Linux {
  const { hostConfig } = spec
  const policy = seccomp(hostConfig, { ...host, capabilities: granted })
  return {
    namespaces: namespaces(hostConfig, { cgroupVersion: host.cgroupVersion, joined: start.joined }),
    cgroupsPath: cgroupsPath(hostConfig.CgroupParent || cgroupParent, id),
    resources: resources(hostConfig, { ...start, limits: host.limits }),
    devices: devices(hostConfig, start),
    sysctl: sysctls(spec, host),
    maskedPaths: maskedPaths(hostConfig),
    readonlyPaths: readonlyPaths(hostConfig),
    ...(policy === undefined ? {} : { seccomp: policy }),
  }
}
