/** The files of a container that are written anew at every start and bound into it: hostname, hosts, resolv.conf, /dev/shm. */
import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { ContainerSpec, HostConfig } from '../../machines/spec.ts'
import { failedWith } from '../kernel/addon.ts'
import { detach, MS_NODEV, MS_NOEXEC, MS_NOSUID, mountTmpfs, startsFileSystem } from '../kernel/mounts.ts'
import { containerPath, type Roots } from '../paths.ts'
import { hostsFile } from './hosts-file.ts'
import { isSystemdStub, resolvConfFrom, resolvConfWith } from './resolv-conf.ts'
import type { Job } from './worker.ts'

export const shmPath = (roots: Roots, id: string): string => join(containerPath(roots, id), 'shm')

/** Running it again is fine. The log is not among them: it is the shim's. @throws TallyError bad-request for a wrong extra host. */
export async function writeContainerFiles(roots: Roots, { id, spec }: Job): Promise<void> {
  const directory = containerPath(roots, id)
  await mkdir(join(directory, 'checkpoints'), { recursive: true, mode: 0o700 })
  await chmod(directory, 0o710)
  await allDone([
    writeAside(join(directory, 'hostname'), `${hostnameOf(id, spec)}\n`),
    writeHosts(directory, spec.hostConfig),
    writeResolvConf(directory, spec.hostConfig),
    mountShm(shmPath(roots, id), spec.hostConfig.ShmSize),
  ])
}

/** Takes /dev/shm's memory back; the files stay for who wants to look. Nothing there is fine. */
export async function undoContainerFiles(roots: Roots, { id }: Pick<Job, 'id'>): Promise<void> {
  await detach(shmPath(roots, id))
}

/** Deletes the container's directory with its log. An unknown id is fine. */
export async function removeContainerFiles(roots: Roots, id: string): Promise<void> {
  await detach(shmPath(roots, id))
  await rm(containerPath(roots, id), { recursive: true, force: true })
}

const isHostNetwork = ({ NetworkMode }: HostConfig): boolean => NetworkMode === 'host'

function hostnameOf(id: string, { config, hostConfig }: ContainerSpec): string {
  return config.Hostname || (isHostNetwork(hostConfig) ? hostname() : id.slice(0, 12))
}

/** On the host's network the host's own file holds, unless names are added. */
async function writeHosts(directory: string, hostConfig: HostConfig): Promise<void> {
  const extraHosts = hostConfig.ExtraHosts ?? []
  const ofHost = isHostNetwork(hostConfig) && extraHosts.length === 0
  const text = ofHost ? await readOptional('/etc/hosts') : hostsFile(extraHosts)
  await writeAside(join(directory, 'hosts'), text)
}

/** The hash tells a file that was made by the engine from one that was edited. An untouched copy of the host's has none, as in Docker. */
async function writeResolvConf(directory: string, hostConfig: HostConfig): Promise<void> {
  const { text, hashed } = await resolvConf(hostConfig)
  const hashPath = join(directory, 'resolv.conf.hash')
  await writeAside(join(directory, 'resolv.conf'), text)
  if (hashed) await writeAside(hashPath, `sha256:${createHash('sha256').update(text).digest('hex')}`)
  else await rm(hashPath, { force: true })
}

async function resolvConf(hostConfig: HostConfig): Promise<{ text: string; hashed: boolean }> {
  const { Dns: servers, DnsSearch: search, DnsOptions: options } = hostConfig
  const asked = servers.length + search.length + options.length > 0
  const host = await hostResolvConf(isHostNetwork(hostConfig))
  if (asked) return { text: resolvConfWith({ servers, search, options }, host), hashed: true }
  if (isHostNetwork(hostConfig)) return { text: host, hashed: false }
  return { text: resolvConfFrom(host), hashed: true }
}

/** Outside the host's network namespace systemd-resolved's stub is out of reach. */
async function hostResolvConf(hostNetwork: boolean): Promise<string> {
  const text = await readOptional('/etc/resolv.conf')
  if (hostNetwork || !isSystemdStub(text)) return text
  return (await readOptional('/run/systemd/resolve/resolv.conf')) || text
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return ''
    throw error
  }
}

async function mountShm(target: string, size: number): Promise<void> {
  await mkdir(target, { recursive: true, mode: 0o700 })
  if (startsFileSystem(target)) return
  await mountTmpfs({ target, size, mode: 0o1777, flags: MS_NOSUID | MS_NODEV | MS_NOEXEC, source: 'shm' })
}

/** A reader sees the old text or the new, never a part. Readable by all: users inside read it. */
async function writeAside(path: string, text: string): Promise<void> {
  const aside = `${path}.new`
  await writeFile(aside, text)
  await chmod(aside, 0o644)
  await rename(aside, path)
}

/** Unlike Promise.all it waits for the others when one fails: an undo that came before the end of a mount would miss it. */
async function allDone(parts: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(parts)).find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
}
