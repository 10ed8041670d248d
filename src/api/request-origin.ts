/** Who sent a request: what is recorded with every event that it causes. */
import type { Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { type Credentials, peerCredentials } from '../kernel/peer.ts'
import type { Origin } from '../origin.ts'

const peers = new WeakMap<Socket, Credentials | null>()

export function originOf(request: FastifyRequest): Origin {
  const peer = peerOf(request.raw.socket)
  return {
    requestId: request.id,
    request: `${request.method} ${request.originalUrl}`,
    ...(peer && { uid: peer.uid, pid: peer.pid }),
  }
}

function peerOf(socket: Socket): Credentials | null {
  const known = peers.get(socket)
  if (known !== undefined) return known
  const peer = readPeer(socket)
  peers.set(socket, peer)
  return peer
}

/** Null for a TCP connection, or one that is closed already. */
function readPeer(socket: Socket): Credentials | null {
  const fd = descriptor(socket)
  if (fd === undefined || socket.remoteAddress !== undefined) return null
  return peerCredentials(fd)
}

/** Node has no public name for a socket's file descriptor. */
function descriptor(socket: Socket): number | undefined {
  const handle: unknown = Reflect.get(socket, '_handle')
  if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined
  return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}
