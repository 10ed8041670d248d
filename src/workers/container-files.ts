/** The files of a container that are written anew at every start and bound into it: hostname, hosts, resolv.conf, /dev/shm. */
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
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

/**
 * Running it again is fine. The log is not among them: it is the shim's. Written synchronously: these few small writes that wait for no disk
 * take less than their way through libuv's pool would. @throws TallyError bad-request for a wrong extra host.
 */
export async function writeContainerFiles(roots: Roots, { id, spec }: Job): Promise<void> {
  const directory = containerPath(roots, id)
  mkdirSync(join(directory, 'checkpoints'), { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o710)
  writeAside(join(directory, 'hostname'), `${hostnameOf(id, spec)}\n`)
  writeAside(join(directory, 'hosts'), hosts(spec.hostConfig))
  writeResolvConf(directory, spec.hostConfig)
  if (hasOwnShm(spec.hostConfig)) await mountShm(shmPath(roots, id), spec.hostConfig.ShmSize)
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

/** Others have the host's, another container's or none. */
const hasOwnShm = ({ IpcMode = '' }: HostConfig): boolean => ['', 'private', 'shareable'].includes(IpcMode)

const isHostNetwork = ({ NetworkMode }: HostConfig): boolean => NetworkMode === 'host'

function hostnameOf(id: string, { config, hostConfig }: ContainerSpec): string {
  return config.Hostname || (isHostNetwork(hostConfig) ? hostname() : id.slice(0, 12))
}

/** On the host's network the host's own file holds, unless names are added. */
function hosts(hostConfig: HostConfig): string {
  const extraHosts = hostConfig.ExtraHosts ?? []
  return isHostNetwork(hostConfig) && extraHosts.length === 0
    ? readOptional('/etc/hosts')
    : hostsFile(extraHosts)
}

/** The hash tells a file that was made by the engine from one that was edited. An untouched copy of the host's has none, as in Docker. */
function writeResolvConf(directory: string, hostConfig: HostConfig): void {
  const { text, hashed } = resolvConf(hostConfig)
  const hashPath = join(directory, 'resolv.conf.hash')
  writeAside(join(directory, 'resolv.conf'), text)
  if (hashed) writeAside(hashPath, `sha256:${createHash('sha256').update(text).digest('hex')}`)
  else rmSync(hashPath, { force: true })
}

function resolvConf(hostConfig: HostConfig): { readonly text: string; readonly hashed: boolean } {
  const { Dns: servers, DnsSearch: search, DnsOptions: options } = hostConfig
  const asked = servers.length + search.length + options.length > 0
  const host = hostResolvConf(isHostNetwork(hostConfig))
  if (asked) return { text: resolvConfWith({ servers, search, options }, host), hashed: true }
  if (isHostNetwork(hostConfig)) return { text: host, hashed: false }
  return { text: resolvConfFrom(host), hashed: true }
}

/** Outside the host's network namespace systemd-resolved's stub is out of reach. */
function hostResolvConf(hostNetwork: boolean): string {
  const text = readOptional('/etc/resolv.conf')
  if (hostNetwork || !isSystemdStub(text)) return text
  return readOptional('/run/systemd/resolve/resolv.conf') || text
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (failedWith(error, 'ENOENT')) return ''
    throw error
  }
}

async function mountShm(target: string, size: number): Promise<void> {
  mkdirSync(target, { recursive: true, mode: 0o700 })
  if (startsFileSystem(target)) return
  await mountTmpfs({ target, size, mode: 0o1777, flags: MS_NOSUID | MS_NODEV | MS_NOEXEC, source: 'shm' })
}

/** A reader sees the old text or the new, never a part. Readable by all: users inside read it. */
function writeAside(path: string, text: string): void {
  const aside = `${path}.new`
  writeFileSync(aside, text)
  chmodSync(aside, 0o644)
  renameSync(aside, path)
}
