/** Another container whose namespaces are joined (`--pid container:x`, `--ipc container:x`), found while the bundle is made. */
import type { HostConfig } from '../../machines/spec.ts'
import { TallyError } from '../errors.ts'
import type { Joined } from '../oci/facts.ts'
import { joinedContainer } from '../oci/namespaces.ts'
import type { Roots } from '../paths.ts'
import { shmPath } from './container-files.ts'

/** What one container may know of another. */
export interface Peer {
  readonly id: string
  readonly state: 'running' | 'restarting' | 'not running'
  /** Of its first process; 0 unless it is running. */
  readonly pid: number
  readonly ipcMode: string
}

/** By name or id. @throws TallyError not-found */
export type FindPeer = (ref: string) => Peer

export interface PeerOptions {
  readonly roots: Roots
  readonly findPeer: FindPeer
}

/** @throws TallyError internal, exit code 128, in Docker's words: one that is not there, does not run or does not share. */
export function joinedNamespaces(
  { PidMode, IpcMode }: Pick<HostConfig, 'PidMode' | 'IpcMode'>,
  options: PeerOptions,
): Joined {
  const pidOf = joinedContainer(PidMode)
  const ipcOf = joinedContainer(IpcMode)
  return {
    ...(ipcOf === undefined ? {} : ipcPeer(ipcOf, options)),
    ...(pidOf === undefined ? {} : { pid: pidPeer(pidOf, options).pid }),
    ...(IpcMode === 'host' ? { shm: hostShm } : {}),
  }
}

const hostShm = '/dev/shm'

function pidPeer(ref: string, { findPeer }: PeerOptions): Peer {
  const peer = found(ref, { findPeer, prefix: `cannot join PID of a non running container: ${ref}: ` })
  return requireRunning(peer, '')
}

function ipcPeer(ref: string, { roots, findPeer }: PeerOptions): Joined {
  const prefix = `can't join IPC of container ${ref}: `
  const peer = requireRunning(found(ref, { findPeer, prefix }), prefix)
  const shm = sharedShm(peer, { roots, findPeer })
  if (shm !== undefined) return { ipc: peer.pid, shm }
  throw failed(`${prefix}non-shareable IPC (hint: use IpcMode:shareable for the donor container)`)
}

/** One that has joined another itself passes on what it has got. */
function sharedShm({ id, ipcMode }: Peer, { roots, findPeer }: PeerOptions): string | undefined {
  if (ipcMode === 'host') return hostShm
  if (ipcMode === 'shareable') return shmPath(roots, id)
  const next = joinedContainer(ipcMode)
  return next === undefined ? undefined : sharedShm(findPeer(next), { roots, findPeer })
}

function found(
  ref: string,
  { findPeer, prefix }: Pick<PeerOptions, 'findPeer'> & { readonly prefix: string },
): Peer {
  if (ref === '') throw failed(`${prefix}invalid name or ID supplied: ""`)
  try {
    return findPeer(ref)
  } catch (error) {
    if (!(error instanceof TallyError)) throw error
    throw failed(`${prefix}${error.message}`)
  }
}

function requireRunning(peer: Peer, prefix: string): Peer {
  if (peer.state === 'running') return peer
  if (peer.state === 'not running') throw failed(`${prefix}container ${peer.id} is not running`)
  throw failed(`${prefix}Container ${peer.id} is restarting, wait until the container is running`)
}

const failed = (message: string): TallyError =>
  new TallyError('internal', message, { step: 'prepareBundle', exitCode: 128 })
