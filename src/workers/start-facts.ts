/** Gathers what a container's spec depends on at the moment of its start. */
import { realpath } from 'node:fs/promises'
import type { ContainerSpec, HostConfig } from '../../machines/spec.ts'
import { type Mount, mounts } from '../kernel/mountinfo.ts'
import type { SourcePropagation, StartFacts } from '../oci/facts.ts'
import { needsPropagationFacts } from '../oci/propagation.ts'
import { plainMounts } from '../oci/resolved-mounts.ts'
import { deviceNumbers, hostDevices, mappedDevices } from './host-devices.ts'
import { type InitOptions, initProgram } from './init-program.ts'
import { joinedNamespaces, type PeerOptions } from './peer.ts'
import { readTextInside } from './rootfs-files.ts'

export interface StartFactsOptions extends PeerOptions {
  readonly spec: Pick<ContainerSpec, 'hostConfig' | 'mounts'>
  readonly rootfs: string
  readonly init: InitOptions
}

export async function readStartFacts(options: StartFactsOptions): Promise<StartFacts> {
  const { spec, rootfs, roots } = options
  const { hostConfig } = spec
  const program = initProgram(hostConfig, options.init)
  return {
    joined: joinedNamespaces(hostConfig, options),
    ...(program === undefined ? {} : { initProgram: program }),
    passwd: readTextInside(rootfs, '/etc/passwd'),
    group: readTextInside(rootfs, '/etc/group'),
    deviceNumbers: await throttledDeviceNumbers(hostConfig),
    hostDevices: hostConfig.Privileged ? await hostDevices() : [],
    mappedDevices: await mappedDevices(hostConfig.Devices ?? []),
    propagation: await propagation(spec, roots.dataRoot),
  }
}

/** @throws TallyError internal for an unknown device. */
export const throttledDeviceNumbers = (hostConfig: HostConfig): Promise<StartFacts['deviceNumbers']> =>
  deviceNumbers(throttledDevices(hostConfig))

function throttledDevices(hostConfig: HostConfig): readonly string[] {
  const lists = [
    hostConfig.BlkioDeviceReadBps,
    hostConfig.BlkioDeviceWriteBps,
    hostConfig.BlkioDeviceReadIOps,
    hostConfig.BlkioDeviceWriteIOps,
    hostConfig.BlkioWeightDevice ?? null,
  ]
  return lists.flatMap((list) => (list ?? []).map(({ Path }) => Path))
}

/** Reads mountinfo only if a bind asks for it: with many mounts it is long. */
async function propagation(
  spec: StartFactsOptions['spec'],
  dataRoot: string,
): Promise<StartFacts['propagation']> {
  const binds = plainMounts(spec, dataRoot).filter((mount) => mount.type === 'bind')
  const asking = binds.filter((bind) => needsPropagationFacts(bind, dataRoot))
  if (asking.length === 0) return {}
  const mounted = await mounts()
  const pairs = asking.map(
    async ({ source }) => [source, sourcePropagation(await realpath(source), mounted)] as const,
  )
  return Object.fromEntries(await Promise.all(pairs))
}

/** Of the mount that holds `path`: the one with the longest target, the newest of equals. */
export function sourcePropagation(path: string, mounted: readonly Mount[]): SourcePropagation {
  const holding = mounted.filter(({ target }) => holds(target, path))
  const longest = Math.max(0, ...holding.map(({ target }) => target.length))
  const mount = holding.findLast(({ target }) => target.length === longest)
  const has = (prefix: string) => (mount?.propagation ?? []).some((field) => field.startsWith(prefix))
  return { mountPoint: mount?.target ?? '/', shared: has('shared:'), slave: has('master:') }
}

function holds(directory: string, path: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`)
}
