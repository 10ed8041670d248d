/** Gathers what a container's spec depends on at the moment of its start. */
import { realpath } from 'node:fs/promises'
import type { HostConfig } from '../../machines/spec.ts'
import { type Mount, mounts } from '../kernel/mountinfo.ts'
import type { SourcePropagation, StartFacts } from '../oci/facts.ts'
import { userMounts } from '../oci/mount-points.ts'
import { needsPropagationFacts } from '../oci/propagation.ts'
import { deviceNumbers, hostDevices } from './host-devices.ts'
import { readTextInside } from './rootfs-files.ts'

export interface StartFactsOptions {
  readonly hostConfig: HostConfig
  readonly rootfs: string
  readonly dataRoot: string
}

export async function readStartFacts(options: StartFactsOptions): Promise<StartFacts> {
  const { hostConfig, rootfs, dataRoot } = options
  return {
    passwd: readTextInside(rootfs, '/etc/passwd'),
    group: readTextInside(rootfs, '/etc/group'),
    deviceNumbers: await throttledDeviceNumbers(hostConfig),
    hostDevices: hostConfig.Privileged ? await hostDevices() : [],
    propagation: await propagation(hostConfig, dataRoot),
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
  ]
  return lists.flatMap((list) => list ?? []).map(({ Path }) => Path)
}

/** Reads mountinfo only if a bind asks for it: with many mounts it is long. */
async function propagation(hostConfig: HostConfig, dataRoot: string): Promise<StartFacts['propagation']> {
  const binds = userMounts(hostConfig).filter((mount) => mount.type === 'bind')
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
