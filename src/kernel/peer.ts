/** Who is at the other end of a unix socket: SO_PEERCRED, unix(7). */
import { callSync } from './addon.ts'

const SOL_SOCKET = 1
const SO_PEERCRED = 17

export interface Credentials {
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

/** As they were when the peer connected. @param fd a connected unix stream socket */
export function peerCredentials(fd: number): Credentials {
  const ucred = new Int32Array(3)
  callSync('getsockopt', fd, SOL_SOCKET, SO_PEERCRED, ucred, Int32Array.of(ucred.byteLength))
  const [pid = 0, uid = 0, gid = 0] = ucred
  return { pid, uid: uid >>> 0, gid: gid >>> 0 }
}
