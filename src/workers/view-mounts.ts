/** What is mounted in a container besides its root file system and can be copied from and to: its volumes, and the files of its own. */
import { join } from 'node:path'
import type { HostConfig } from '../../machines/spec.ts'
import type { ViewMount } from '../archive/view.ts'
import { userMounts } from '../oci/mount-points.ts'

/** The files come last, as in the container: they lie deepest. Memory (tmpfs) is seen by the container alone, as in Docker. */
export function viewMounts(hostConfig: HostConfig, directory: string): readonly ViewMount[] {
  const volumes = userMounts(hostConfig).flatMap((mount) => (mount.type === 'bind' ? [mount] : []))
  const writable = !hostConfig.ReadonlyRootfs
  const files = [
    { source: join(directory, 'resolv.conf'), destination: '/etc/resolv.conf', writable },
    { source: join(directory, 'hostname'), destination: '/etc/hostname', writable },
    { source: join(directory, 'hosts'), destination: '/etc/hosts', writable },
  ]
  const replaced = new Set(volumes.map(({ destination }) => destination))
  return [...volumes, ...files.filter(({ destination }) => !replaced.has(destination))].map(
    ({ source, destination, writable }) => ({ source, destination, writable }),
  )
}
